/**
 * What the main job found out: the one input of the report and the table, and, as it stands, the output of `--json`.
 * Figures named `…Share`, rates and relative gains are fractions, not percents; `low` and `high` bound 95 % intervals.
 * With several seeds a figure is the mean over them, and an interval is that of row losses averaged over them.
 */
import type { Bounds, Interval, OtherIntervals, RankScore } from '../findings.ts'

/** Downstream models that differ only in what they are given of the user, and a linear one, in the order of the report. */
export const arms = ['without', 'with', 'flags', 'random', 'untrained', 'features', 'linear'] as const

/**
 * - `without`: no served embedding
 * - `with`: the vector that is served: the newest, or an average
 * - `flags`: whether an embedding is served, whether it is stale and how old, without its numbers
 * - `random`: a random fixed vector a user, served the same way
 * - `untrained`: the vector of the same tower before any training, served the same way
 * - `features`: the tower's dense input features as of each row, from the log's first row on
 * - `linear`: another model, a logistic regression on running statistics, refitted as the log goes on
 */
export type Arm = (typeof arms)[number]

/** Arms that wide tables show: the others can hardly be told from one of them. */
export const mainArms = ['without', 'with', 'untrained', 'features', 'linear'] as const satisfies readonly Arm[]

/** What can be had without a tower: an embedding must beat the best of these. */
export const baselines = ['without', 'features', 'linear'] as const satisfies readonly Arm[]

export interface MainJobResult {
  /** Version of Headwater. */
  version: string
  /** Commit of the code; null outside a checkout. */
  commit: string | null
  /** The command line, as typed. */
  command: string
  /** When the run began, ISO 8601. */
  startedAt: string
  /** The GPU and its driver, in words. */
  adapter: string
  dataset: {
    name: string
    /** Where the rows came from: file names, or the generator with its settings. */
    source: string
    /** Of the schema and every row: names the log to `examples/recompute`. */
    digest: string
    /** The label in words, such as `rating ≥ 8`. */
    task: string
    users: number
    items: number
    firstTimeMs: number
    lastTimeMs: number
  }
  /** Rows of the log that were used. */
  rows: number
  /** Bad rows left out under `--max-bad-rows`. */
  skippedRows: number
  /** Rows at the log's end that the figures are of, and the users in them. */
  rowsScored: number
  usersScored: number
  /** Share of positive rows among the scored; its entropy is the denominator of NE. */
  baseRate: number

  /** Normalized entropy: mean log loss ÷ entropy of the base rate. Lower is better, 1 knows nothing. */
  ne: Record<Arm, number>
  neInterval: Record<Arm, Bounds>
  /**
   * Of a log with negatives, among all live items: NE corrected for the sampling, how what was taken ranks, and how it does by how
   * often each item was taken before; else null.
   */
  live: {
    /** Items that could have been taken, on average over the scored rows of something taken. */
    items: number
    ne: Record<Arm, Interval>
    ranked: Record<Arm, RankScore | null>
    popularity: RankScore | null
  } | null
  auc: Record<Arm, number>
  /** Σ prediction ÷ Σ label. */
  calibration: Record<Arm, number>
  /** Expected calibration error. */
  ece: Record<Arm, number>
  /** (NE_without − NE_with) ÷ NE_without. */
  neGain: Interval
  /** The baseline of the lowest NE on the scored rows, and (NE_it − NE_with) ÷ NE_it. */
  best: { arm: (typeof baselines)[number]; gain: Interval }
  /** (NE_untrained − NE_with) ÷ NE_untrained. */
  gainOverUntrained: Interval
  /** Of both, with items drawn in place of users, and with users and items; null of a single item. */
  otherIntervals: Record<'neGain' | 'gainOverUntrained', OtherIntervals>
  /** (NE_flags − NE_with) ÷ NE_flags. */
  gainOverFlags: Interval
  /** (NE_without − NE_arm) ÷ NE_without, for the arms that `neGain` is not about. */
  gainOverWithout: Record<Exclude<Arm, 'without' | 'with'>, Interval>

  /** Part of what `with` gains over `without` that is of users without an earlier event; null where it gains nothing. */
  coldGainShare: number | null

  /** By how many events the row's user had before it; NE over the bucket's own base rate. One without both classes is left out. */
  byEarlierEvents: EarlierEventsBucket[]
  /** Tenths of the whole log, in time order; NE over each tenth's own base rate. One without both classes is left out. */
  progressive: ProgressiveTenth[]

  /** Snapshots published. */
  snapshots: number
  /** The row of the log before which each was published. */
  snapshotRows: number[]
  /**
   * Between the vectors of one user and the same features from consecutive snapshots: means over users and rounds; null
   * where one snapshot has none to compare with.
   */
  drift: Record<keyof DriftFigures, number | null> & {
    /** By snapshots that could not be lined up with the one before; mean over seeds. */
    framesOpened: number
    byRound: (DriftFigures & { fromSnapshot: number; toSnapshot: number; users: number })[]
  }

  /** From asking for a user's served embedding to having it, by wall clock; `hitRate` is the share of reads that found one. */
  read: { count: number; p50Us: number; p99Us: number; hitRate: number; quantiles: { percent: number; us: number }[] }
  /** From an event's arrival until a read returns the embedding that knows it, by wall clock. */
  freshness: { count: number; p50Ms: number; p99Ms: number; quantiles: { percent: number; ms: number }[] }
  /** Served vectors whose snapshot cut-off and feature time were found strictly earlier than the row: all, or the run fails. */
  servedVectorsChecked: number

  /** Share of a training step's wall time inside kernels; null where the adapter has no timestamp queries. */
  kernelShare: number | null
  peakMemoryBytes: number
  /** Wall-clock seconds by stage, in order. */
  seconds: Record<string, number>
  /** Those of each arm's model, of stages `downstream` and `linear`. */
  armSeconds: Record<Arm, number>

  seeds: number[]
  bySeed: SeedFigures[]
  /** Standard deviation over the seeds (n − 1); null with one seed. */
  seedSd: Omit<SeedFigures, 'seed'> | null

  method: {
    /** Name of the tower's size. */
    preset: string
    towerParameters: number
    embeddingCount: number
    embeddingWidth: number
    /** Most snapshots whose vectors the `with` arm sees the average of; 1: the newest vector alone. */
    pooledSnapshots: number
    /** Log time between a refresh being offered and its vector being readable. */
    refreshDelayMs: number
    bootstrapDraws: number
    /** Statistics of the linear model, and how many of them say something of their own; null where it was never fitted. */
    linearColumns: number
    linearRank: number | null
  }
  /** What a reader must know before trusting the figures, such as an AUC that smells of a leak. */
  warnings: string[]
}

export interface DriftFigures {
  /** ‖new − old‖ ÷ ‖old − mean of old‖, of vectors that were lined up. */
  residual: number
  /** Mean over users of the cosine between both vectors, each less the mean of its side. */
  centredCosine: number
  /** Squared correlation of both sides' numbers, each less the mean. */
  varianceKept: number
  /** Of the new vectors: exponential of the entropy of their spectrum. */
  effectiveRank: number
}

export interface EarlierEventsBucket {
  /** Such as `3–9`. */
  label: string
  rows: number
  baseRate: number
  ne: { without: number; with: number }
  neGain: Interval
  gainOverFlags: Interval
}

export interface ProgressiveTenth {
  /** First row, and the row after the last. */
  fromRow: number
  toRow: number
  fromTimeMs: number
  baseRate: number
  ne: Record<Arm, number>
}

export interface SeedFigures {
  seed: number
  ne: Record<Arm, number>
  auc: Record<Arm, number>
  neGain: number
  gainOverUntrained: number
}
