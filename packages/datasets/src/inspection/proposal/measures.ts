/** What a proposal is made of: figures of a log whose roles are known. */

/** Of an outcome. */
export interface OutcomeMeasures {
  readonly mean: number
  readonly deviation: number
  /** Thresholds, rising, each with the share of rows whose outcome is at least that; of many different values, the deciles. */
  readonly levels: readonly { readonly atLeast: number; readonly rate: number }[]
  readonly isBinary: boolean
}

export interface NumberMeasures {
  readonly median: number
  /** Between the first and the last decile. */
  readonly spread: number
}

export interface ListMeasures {
  /** The frequent values, the most frequent first. */
  readonly values: readonly string[]
  /** Values that nearly all lists have at most. */
  readonly longest: number
  readonly distinct: number
}

/** Rates, means and the rhythm are of the log's first 72 % of time-ordered rows: what is behind is for judging. */
export interface LogMeasures {
  readonly rows: number
  readonly users: number
  readonly items: number
  readonly firstMs: number
  readonly lastMs: number
  /** Share of events that are not at midnight. */
  readonly hasHours: boolean
  /** Median days between two visits of a user that are an hour or more apart; null where nobody came again. */
  readonly visitGapDays: number | null
  /** Earlier events that the user had, as the median event and as nine of ten see it. */
  readonly history: { readonly median: number; readonly high: number }
  readonly outcomes: ReadonlyMap<string, OutcomeMeasures>
  readonly numbers: ReadonlyMap<string, NumberMeasures>
  /** Of `id` and `ids` fields. */
  readonly categories: ReadonlyMap<string, ListMeasures>
}
