import { encodeHalves, halvesToFloats } from '@headwater/binary16'
import { createReadBuffer, type ModelColumns, type ReadBuffer, readStatus } from '@headwater/store'
import type { PoolingCounters } from '../contracts/counters.ts'
import type { ColdDefaults } from '../snapshots/cold-defaults.ts'

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

/** How a model is served. */
export interface ServingRule {
  readonly name: string
  readonly dim: number
  readonly maxAgeMs: number
}

/** A batch with the memory of the store's read beneath it, which may be used again for as many users and the same models. */
export class ServedRead implements ServedBatch {
  users: readonly string[] = []
  servedMs = 0
  readonly models: readonly ServedColumns[]
  readonly buffer: ReadBuffer
  readonly request: {
    users: readonly string[]
    readonly models: { readonly model: string; expiredBeforeMs?: number }[]
  }
  readonly #latest: boolean
  readonly #halves: boolean

  /** @param users their number */
  constructor(users: number, rules: readonly ServingRule[], latest: boolean, halves: boolean, computed: boolean) {
    this.#latest = latest
    this.#halves = halves
    this.request = { users: this.users, models: rules.map(({ name }) => ({ model: name })) }
    this.buffer = createReadBuffer(
      users,
      rules.map(({ name, dim }) => ({ model: name, dim, latest, halves })),
    )
    this.models = this.buffer.models.map((held) => columnsOver(held, users, computed))
  }

  fits(users: number, rules: readonly ServingRule[], latest: boolean, halves: boolean): boolean {
    if (users !== this.buffer.capacity || latest !== this.#latest || halves !== this.#halves) return false
    if (rules.length !== this.models.length) return false
    for (let m = 0; m < rules.length; m++) if (rules[m].name !== this.models[m].model) return false
    return true
  }
}

function columnsOver(held: ModelColumns, users: number, computed: boolean): ServedColumns {
  const { model, dim, pooled, halves, latest, status, snapshot, frame, featureTimeMs } = held
  const more = {
    halves,
    latest,
    status,
    snapshot,
    frame,
    featureTimeMs,
    ageMs: new Float64Array(users),
    computed: computed ? new Uint8Array(users) : null,
  }
  if (halves === null) return { model, dim, vectors: pooled, ...more }
  return {
    model,
    dim,
    get vectors() {
      return halvesToFloats(halves)
    },
    ...more,
  }
}

/**
 * Turns what the store's read gave of a model into what is served, in the same memory.
 *
 * @param asOfMs time at which the read began; an embedding of then or later was computed in it
 * @returns whether a segment's default is missing, and is to be computed
 */
export function serveModel(
  columns: ServedColumns,
  { maxAgeMs }: ServingRule,
  servedMs: number,
  asOfMs: number,
  counters: PoolingCounters,
  defaults: ColdDefaults,
  segments: readonly (string | null)[] | undefined,
): boolean {
  const { dim, halves, latest, status, snapshot, frame, featureTimeMs, ageMs, computed } = columns
  const rows = status.length
  let isLearning = false
  counters.reads += rows
  for (let row = 0; row < rows; row++) {
    if (status[row] === readStatus.found) {
      const age = servedMs - featureTimeMs[row]
      const isStale = age > maxAgeMs
      ageMs[row] = age
      status[row] = isStale ? servedStatus.stale : servedStatus.fresh
      counters.hits++
      if (isStale) counters.stale++
      if (computed !== null) {
        computed[row] = featureTimeMs[row] >= asOfMs ? 1 : 0
        counters.computed += computed[row]
      }
      continue
    }
    counters.default++
    if (status[row] === readStatus.unavailable) counters.unavailable++
    const segment = segments?.[row] ?? null
    if (segment !== null && defaults.learn(segment, servedMs)) isLearning = true
    const vector = defaults.vectorOf(segment)
    status[row] = servedStatus.default
    if (halves === null) columns.vectors.set(vector, row * dim)
    else {
      const bytes = new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength)
      encodeHalves(vector, 0, dim, bytes, 2 * row * dim)
    }
    latest?.set(vector, row * dim)
    snapshot[row] = 0
    frame[row] = 0
    featureTimeMs[row] = 0
    ageMs[row] = Number.NaN
    if (computed !== null) computed[row] = 0
  }
  return isLearning
}
