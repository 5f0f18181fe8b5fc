/** `stale`: served, but older than the model's policy wants. `default`: nothing held, so the default vector is served. */
export const servedStatus = { fresh: 0, stale: 1, default: 2 } as const

/** Columns of one model, in the order of the batch's users. U = users, D = dim. */
export interface ServedColumns {
  readonly model: string
  readonly dim: number
  /** [U, D] average of the newest embeddings of one frame. Where `halves` were asked for it is made of them each time. */
  readonly vectors: Float32Array
  /** [U, D] the same as binary16 patterns; null where they were not asked for. */
  readonly halves: Uint16Array | null
  /** [U, D] the newest embedding, null where it was not asked for. */
  readonly latest: Float32Array | null
  /** [U] values of `servedStatus`. */
  readonly status: Uint8Array
  /** [U] of the newest embedding, as are frame and feature time; 0 where the default is served. */
  readonly snapshot: Uint32Array
  readonly frame: Uint32Array
  /** [U] time as of which its features were read, milliseconds since 1970. */
  readonly featureTimeMs: Float64Array
  /** [U] time served minus feature time; NaN where the default is served. */
  readonly ageMs: Float64Array
  /** [U] 1 where the embedding was computed in this read, in synchronous mode; null in the others. */
  readonly computed: Uint8Array | null
}

export interface ServedBatch {
  readonly users: readonly string[]
  readonly servedMs: number
  readonly models: readonly ServedColumns[]
}
