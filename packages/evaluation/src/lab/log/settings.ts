import { type ModelConfig, presets } from '@headwater/runtime'
import { defaultTraining, type TrainingOptions } from '@headwater/training'

/** What the experiments do with a log, apart from which log and seeds. */
export interface LabSettings {
  readonly preset: string
  readonly config: ModelConfig
  readonly training: Omit<TrainingOptions, 'config' | 'seed'>
  /** Part of the log's rows before the first snapshot. */
  readonly firstShare: number
  /** Snapshots published, the first included, as many rows apart as make all distances equal. */
  readonly snapshots: number
  /** Part of the log's rows, at its end, that is scored. */
  readonly testShare: number
  /** Log time from an event until its own refresh can be read. */
  readonly refreshDelayMs: number
}

/** A snapshot that the gate held would leave an arm without it: in an experiment every snapshot is served. */
const openGate = {
  maxNeIncrease: 1e9,
  standardErrors: 1e9,
  minRows: 1,
  maxCalibrationRatio: 1e9,
  maxResidual: 1e9,
  maxNormRatio: 1e9,
}

const training: LabSettings['training'] = {
  ...defaultTraining,
  publication: { ...defaultTraining.publication, gate: openGate },
}

/** A model that meets vectors early learns longer to use them: docs/tuning.md has what other shares gave. */
const shared = { firstShare: 0.1, snapshots: 13, refreshDelayMs: 1000 }
const { small } = presets
const { dropout: _, ...withoutDropout } = small

/**
 * For the synthetic logs, whose users are known for weeks: the last quarter is scored. The preset small with wider
 * embeddings, a second layer behind the interactions, and twice the rates: so many rows need no dropout.
 */
export const syntheticLab: LabSettings = {
  ...shared,
  preset: 'small, wider',
  config: {
    ...withoutDropout,
    embeddings: { ...small.embeddings, width: 96 },
    mix: { ...small.mix, hidden: [128, 64] },
  },
  training: {
    ...training,
    firstRates: { ...training.firstRates, dense: 2e-3 },
    roundRates: { ...training.roundRates, dense: 1e-3 },
  },
  testShare: 0.25,
}

/** For other logs: the last tenth is scored, as by the main job. */
export const realLab: LabSettings = {
  ...shared,
  preset: 'small',
  config: small,
  training,
  testShare: 0.1,
}

/** Row before which each snapshot is published. */
export function publicationRows(rows: number, { firstShare, snapshots }: LabSettings): number[] {
  const distance = (1 - firstShare) / snapshots
  return Array.from({ length: snapshots }, (_, i) => Math.round(rows * (firstShare + distance * i)))
}
