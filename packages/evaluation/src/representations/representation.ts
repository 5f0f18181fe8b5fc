/**
 * User representations that learn along the log, one row after the other, as the tower's simpler alternatives. Each predicts
 * the first task by itself, or reconstructs, and hands on a vector of what it made of the user.
 * Shape letters: N events of a history at most, W numbers of a vector.
 */

/** A row to learn from. */
export interface Example {
  /** Number of the user. */
  readonly user: number
  /** Bucket of the item. */
  readonly item: number
  /** Of the user, as of strictly before the row: see `UserHistories`. */
  readonly history: Uint32Array
  /** 0/1 of the first task. */
  readonly label: number
}

export interface RepresentationOptions {
  readonly users: number
  /** Buckets of items. */
  readonly items: number
  /** W */
  readonly dim: number
  /** Of Adagrad. */
  readonly rate: number
  /** L2, a looked-up row. */
  readonly penalty: number
  readonly seed: number
}

export interface Representation {
  readonly dim: number
  learn(example: Example): void
  /** From now on vectors are made by the weights of this moment, until the next call. */
  publish(): void
  /** [W] */
  embed(user: number, history: Uint32Array): Float64Array
}
