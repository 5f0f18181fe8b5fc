import type { StepSums } from '../step/train-step.ts'

/** How far a training has come. */
export interface TrainingPosition {
  /** Steps made since the start. */
  steps: number
  /** Examples before this one were trained on. */
  trained: number
  /** Examples before this one were there when the last round ended; those from `trained` on are held back. */
  known: number
  /** Time of the newest event of the last round, ms since 1970: labels were known up to then. Null before the first. */
  cutoffMs: number | null
  /** The weights began as a snapshot's. */
  warm: boolean
}

/** Where a training stands, apart from what lies on the device: as JSON it is the same again, to the bit. */
export interface TrainingState extends Readonly<TrainingPosition> {
  /** Examples encoded: the position in the log and in the example file. */
  readonly examples: number
  /** Of these examples: another log is noticed. */
  readonly fingerprint: number
  /** Words of the random generator, of a round under way those that it began with. */
  readonly random: readonly number[]
  /** Steps made of the round under way; null between rounds. */
  readonly roundSteps: number | null
  /** Number of the snapshot that taught the round last begun; null: none did. */
  readonly teacher: number | null
  readonly sums: StepSums
  /** Steps whose records were not read back yet. */
  readonly pendingSteps: number
}
