/** An experiment as it is declared before it is run. */

import type { ArmScore, Comparison, GapShare, Interval } from './analysis/figures.ts'
import type { Outcomes } from './analysis/outcomes.ts'
import type { Arm } from './arms/arm.ts'
import type { ModelName } from './downstream/family.ts'
import type { LabLog } from './lab/lab-log.ts'

export interface Experiment {
  readonly name: string
  readonly question: string
  /** What is measured, in words. */
  readonly measure: string
  /** What will count as yes and what as no, written before the run. */
  readonly rule: string
  /** Downstream models whose rows the log must have. */
  models(lab: LabLog): readonly ModelName[]
  /** Says before any training why the log cannot have the experiment. @throws ExperimentError */
  check?(lab: LabLog): void
  /** Arms of a seed, in the order of the report. */
  arms(lab: LabLog, seed: number): readonly Arm[]
  conclude(outcomes: Outcomes): Findings
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

export interface Series {
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

export interface FigureTable {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
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

export interface ArmRecord {
  readonly name: string
  readonly title: string
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

export type { Interval }
