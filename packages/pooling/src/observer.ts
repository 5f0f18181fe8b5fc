/**
 * What is told of the refresh path, as it happens. Called on the thread that answers reads: be quick, and never throw.
 * Milliseconds are differences of `performance.now()`.
 */
export interface PoolingObserver {
  /** A batch went through one model's encoder and landed. */
  refreshed?(batch: RefreshedBatch): void
  /** A user's refresh landed in all models. @param freshnessMs from its first offer to its landing */
  landed?(freshnessMs: number): void
  /** A batch failed in a model's encoder or store; null: before it reached any. */
  failed?(model: string | null, rows: number, error: unknown): void
}

export interface RefreshedBatch {
  readonly model: string
  /** Of the batch: not to be kept. */
  readonly users: readonly string[]
  readonly rows: number
  readonly encodeMs: number
  readonly appendMs: number
}
