/**
 * Events of the refresh path, as they happen. Called on the thread that answers reads: be quick, and never throw.
 * Milliseconds are differences of `performance.now()`.
 */
export interface PoolingObserver {
  /** A batch went through one model's encoder and was written. */
  refreshed?(batch: RefreshedBatch): void
  /**
   * A user's refresh was written in all models.
   * @param freshnessMs from the arrival of the first event, features or read that asked for it
   * @param wasMissed whether refreshes of the user were shed or given up before: `freshnessMs` counts from the first event or
   *   features that these were to bring, however long nobody asked again
   */
  written?(freshnessMs: number, wasMissed: boolean): void
  failed?(batch: FailedBatch): void
  /** What is kept of a user is to go. */
  forgotten?(user: string): void
}

export interface RefreshedBatch {
  readonly model: string
  /** Of the batch: not to be kept. */
  readonly users: readonly string[]
  readonly rows: number
  readonly encodeMs: number
  readonly appendMs: number
}

/** A batch that failed, with what it took until then. */
export interface FailedBatch {
  /** Whose encoder or store failed it; null: it failed before it reached any. */
  readonly model: string | null
  /** Of the batch: not to be kept. None where what failed is the defaults of segments. */
  readonly users: readonly string[]
  readonly error: unknown
  /** Null: it did not get so far. */
  readonly encodeMs: number | null
  /** Null: it did not get so far. */
  readonly appendMs: number | null
  /** What failed is the shadow's; the refreshes are none the worse. */
  readonly isShadow: boolean
}

/** One that failed before it reached an encoder, or of nobody. */
export function failedEarly(users: readonly string[], error: unknown, model: string | null = null): FailedBatch {
  return { model, users, error, encodeMs: null, appendMs: null, isShadow: false }
}
