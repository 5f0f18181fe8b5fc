import { createReadBuffer, type ModelColumns, type ReadBuffer, readStatus } from '@headwater/store'

/** `stale`: served, but older than the model's policy wants. `default`: nothing held, so the default vector is served. */
export const servedStatus = { fresh: 0, stale: 1, default: 2 } as const

/** Columns of one model, in the order of the batch's users. U = users, D = dim. */
export interface ServedColumns {
  readonly model: string
  readonly dim: number
  /** [U, D] average of the newest embeddings of one frame. */
  readonly vectors: Float32Array
  /** [U, D] the newest embedding. */
  readonly latest: Float32Array
  /** [U] values of `servedStatus`. */
  readonly status: Uint8Array
  /** [U] of the newest embedding, as are frame and feature time; 0 where the default is served. */
  readonly snapshot: Uint32Array
  readonly frame: Uint32Array
  /** [U] time as of which its features were read, milliseconds since 1970. */
  readonly featureTimeMs: Float64Array
  /** [U] time served minus feature time; NaN where the default is served. */
  readonly ageMs: Float64Array
}

export interface ServedBatch {
  readonly users: readonly string[]
  readonly servedMs: number
  readonly models: readonly ServedColumns[]
}

/** How a model is served. */
export interface ServingRule {
  readonly name: string
  readonly dim: number
  readonly maxAgeMs: number
  readonly defaultVector: Float32Array
}

export function allocateRead(users: number, models: readonly ServingRule[]): ReadBuffer {
  return createReadBuffer(
    users,
    models.map(({ name, dim }) => ({ model: name, dim, latest: true })),
  )
}

/** Turns what a store read gave into what is served, in the same memory. */
export function serve(
  users: readonly string[],
  models: readonly ServingRule[],
  read: ReadBuffer,
  servedMs: number,
): ServedBatch {
  return { users, servedMs, models: models.map((rule, m) => serveModel(rule, read.models[m], users.length, servedMs)) }
}

function serveModel(rule: ServingRule, held: ModelColumns, rows: number, servedMs: number): ServedColumns {
  const { model, dim, pooled: vectors, snapshot, frame, featureTimeMs, status } = held
  const latest = held.latest ?? new Float32Array(rows * dim)
  const ageMs = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    if (status[row] === readStatus.found) {
      ageMs[row] = servedMs - featureTimeMs[row]
      status[row] = ageMs[row] > rule.maxAgeMs ? servedStatus.stale : servedStatus.fresh
      continue
    }
    status[row] = servedStatus.default
    vectors.set(rule.defaultVector, row * dim)
    latest.set(rule.defaultVector, row * dim)
    snapshot[row] = 0
    frame[row] = 0
    featureTimeMs[row] = 0
    ageMs[row] = Number.NaN
  }
  return { model, dim, vectors, latest, status, snapshot, frame, featureTimeMs, ageMs }
}
