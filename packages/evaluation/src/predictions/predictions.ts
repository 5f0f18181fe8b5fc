/** What each arm predicted of the scored rows, from which anyone can compute its figures again. Shape letters: R rows, S seeds. */

/** The log that they are of. */
export interface PredictedLog {
  readonly name: string
  /** Of its schema and every row. */
  readonly digest: string
  readonly rows: number
}

/** Of the log, in its order. */
export interface ScoredRows {
  /** In the log, from 0, [R]. */
  readonly row: Uint32Array
  /** Numbers [R] of users and items, in the order in which the log first has them: bootstraps draw by them. */
  readonly user: Uint32Array
  readonly item: Uint32Array
  /** By number. */
  readonly userNames: readonly string[]
  readonly itemNames: readonly string[]
  /** ms since 1970, [R] */
  readonly timeMs: Float64Array
  /** 0 or 1, [R] */
  readonly label: Uint8Array
}

export interface Predictions {
  readonly log: PredictedLog
  /** Of the log's schema. */
  readonly task: string
  readonly rows: ScoredRows
  readonly seeds: readonly number[]
  /** By arm, [S] of [R]. */
  readonly logits: Readonly<Record<string, readonly Float32Array[]>>
}
