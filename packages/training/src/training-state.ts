import type { StepSums } from './train-step.ts'

/** Where a training stands, apart from what lies on the device: as JSON it is the same again, to the bit. */
export interface TrainingState {
  /** Examples encoded: the position in the log and in the example file. */
  readonly examples: number
  /** Of these examples: another log is noticed. */
  readonly fingerprint: number
  /** Steps made since the start. */
  readonly steps: number
  /** Examples before this one were trained on. */
  readonly trained: number
  /** Examples before this one were there when the last round ended. */
  readonly known: number
  /** Words of the random generator, of a round under way those that it began with. */
  readonly random: readonly number[]
  /** Steps made of the round under way; null between rounds. */
  readonly roundSteps: number | null
  readonly sums: StepSums
  /** Rows of the steps whose records were not read back yet. */
  readonly pendingRows: readonly number[]
}
