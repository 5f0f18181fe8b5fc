/** What experiments find out, as data: what the reports show and `--json` holds. Shares and relative gains are fractions. */
import type { ModelName } from '../downstream/family.ts'
import type { FigureTable } from './table.ts'

/** Bounds of a 95 % interval. */
export interface Bounds {
  low: number
  high: number
}

export interface Interval extends Bounds {
  value: number
}

/** Of a downstream model, or of the upstream's own head, whose rows are all of the test window. */
export type ScoredModel = ModelName | 'head'

/** An arm's predictions by a model. */
export interface ArmScore {
  readonly arm: string
  readonly model: ScoredModel
  readonly rows: number
  readonly baseRate: number
  /** Mean log loss over the entropy of the rows' base rate, of losses averaged over seeds; of users and seeds. */
  readonly ne: Interval
  /** Of a log with negatives and its first task: NE over all that could have been taken, corrected for the sampling; else null. */
  readonly unsampledNe: Interval | null
  /** Of such a log: how what was taken ranks among all live items; else null. */
  readonly ranked: RankScore | null
  readonly auc: number
  /** Within users, weighted by their rows; null where no user has both classes. */
  readonly gauc: number | null
  readonly calibration: number
  readonly ece: number
  /** Standard deviation of NE between seeds; null of a single one. */
  readonly neSeedSd: number | null
}

/** How high models rank what was taken among all that could have been. */
export interface RankScore {
  /** Rows of something taken at which it was asked. */
  readonly choices: number
  /** Mean over choices: whether it is among the first k; and 1 ÷ log₂(1 + rank) where it is, else 0. */
  readonly at: readonly { readonly k: number; readonly recall: Interval; readonly ndcg: Interval }[]
}

/** Of a gain, with items drawn in place of users, and with users and items. */
export interface OtherIntervals {
  readonly items: Interval | null
  readonly both: Interval | null
}

/** (NE of `over` − NE of `arm`) / NE of `over`, on the same rows. */
export interface Comparison {
  readonly arm: string
  readonly over: string
  readonly model: ScoredModel
  /** Part of the rows; `all` of them where nothing else is said. */
  readonly slice: string
  readonly rows: number
  /** Sampling of users and spread between seeds together. */
  readonly gain: Interval
  /** Standard errors: of the sample of users alone, and standard deviation between seeds. */
  readonly samplingStandardError: number
  readonly seedSd: number | null
  /** Two-sided, of no gain; and adjusted for all comparisons that the verdict rests on. */
  readonly pValue: number
  readonly adjustedPValue: number | null
  /** Of those that the verdict rests on. */
  readonly otherwise: OtherIntervals | null
}

/** Share of the gap between knowing nothing of the user and the filtered optimum that an arm closes. */
export interface GapShare {
  readonly arm: string
  readonly model: ScoredModel
  readonly share: Interval
  readonly bySeed: readonly number[]
}

/** What came out, the decision apart from its figures. */
export interface Findings {
  /** Null where the rule cannot be applied to this log or run. */
  readonly holds: boolean | null
  /** One or two sentences of figures, without the answer itself. */
  readonly verdict: string
  readonly scores: readonly ArmScore[]
  readonly comparisons: readonly Comparison[]
  readonly gapShares: readonly GapShare[]
  readonly charts: readonly Chart[]
  readonly tables: readonly FigureTable[]
}

/** Points with intervals. */
export interface Chart {
  readonly title: string
  readonly caption: string
  /** `named`: y are names, x their figures. `curve`: x and y are figures. */
  readonly kind: 'named' | 'curve'
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

export interface Axis {
  readonly label: string
  /** Whether figures are shares, to be shown in percent. */
  readonly percent?: boolean
  readonly log?: boolean
}

interface Series {
  readonly name: string
  readonly points: readonly ChartPoint[]
}

export interface ChartPoint {
  readonly label: string
  readonly x: number
  /** Null in a `named` chart, whose y is the label. */
  readonly y: number | null
  /** Of the figure: x in a `named` chart, y in a `curve`. */
  readonly low: number | null
  readonly high: number | null
}

/** An experiment's findings with what was declared and run: what `--json` holds. */
export interface ExperimentResult extends Findings {
  readonly name: string
  readonly question: string
  readonly measure: string
  readonly rule: string
  readonly seeds: readonly number[]
  readonly arms: readonly ArmRecord[]
  /** That gives the figures again. */
  readonly command: string
}

interface ArmRecord {
  readonly name: string
  readonly title: string
  /**
   * By name, means over seeds: `servedShare`, `meanAgeMs`, `encodesPerRow`, `encodeFlopsPerRow`, `trainingFlops`, `vectorWidth`; of the
   * upstream's heads `towerParameters`, `taughtRows`, `encodeFlops`; of panels `panelUsers`, `drawnUsers`; where settings are tuned
   * `judgedLoss`, or by model `judgedLoss SETTINGS MODEL` and `chosen MODEL`, the place of the settings that counted; in `sharing`
   * `storedUsers`, `storedBytes`, `servedBytes`.
   */
  readonly figures: Readonly<Record<string, number>>
}

export interface EvaluationResult {
  readonly version: string
  readonly commit: string | null
  readonly command: string
  readonly startedAt: string
  readonly adapter: string
  /** A tenth of the rows and one seed: figures of a smoke test, no verdict. */
  readonly quick: boolean
  readonly dataset: {
    readonly name: string
    readonly source: string
    readonly rows: number
    readonly users: number
    readonly fingerprint: string
    readonly firstTimeMs: number
    readonly lastTimeMs: number
    readonly testRows: number
    readonly testUsers: number
    readonly testFromMs: number
    /** Which rows are scored; null: the lab's usual ones. */
    readonly window: 'tune' | 'final' | null
    readonly models: readonly {
      readonly name: ModelName
      readonly title: string
      readonly trained: number
      readonly scored: number
    }[]
  }
  readonly method: {
    readonly preset: string
    readonly snapshots: number
    readonly firstShare: number
    readonly refreshDelayMs: number
    readonly bootstrapDraws: number
    readonly roundRate: number
    readonly towerParameters: number | null
  }
  readonly experiments: readonly ExperimentResult[]
  /** Of this run; arms that were there already took none. */
  readonly seconds: number
  readonly armsRun: number
  readonly armsCached: number
}
