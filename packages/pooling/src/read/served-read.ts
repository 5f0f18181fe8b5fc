import { encodeHalves, halvesToFloats } from '@headwater/binary16'
import { createReadBuffer, type ModelColumns, type ReadBuffer, readStatus } from '@headwater/store'
import type { PoolingCounters } from '../contracts/counters.ts'
import { type ServedBatch, type ServedColumns, servedStatus } from '../contracts/served-batch.ts'
import type { ModelRule } from '../options/options.ts'
import type { ColdDefaults } from '../snapshots/cold-defaults.ts'

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
  constructor(users: number, rules: readonly ModelRule[], latest: boolean, halves: boolean, computed: boolean) {
    this.#latest = latest
    this.#halves = halves
    this.request = { users: this.users, models: rules.map(({ name }) => ({ model: name })) }
    this.buffer = createReadBuffer(
      users,
      rules.map(({ name, dim }) => ({ model: name, dim, latest, halves })),
    )
    this.models = this.buffer.models.map((held) => columnsOver(held, users, computed))
  }

  fits(users: number, rules: readonly ModelRule[], latest: boolean, halves: boolean): boolean {
    if (users !== this.buffer.capacity || latest !== this.#latest || halves !== this.#halves) return false
    if (rules.length !== this.models.length) return false
    for (let m = 0; m < rules.length; m++) if (rules[m].name !== this.models[m].model) return false
    return true
  }
}

function columnsOver(held: ModelColumns, users: number, computed: boolean): ServedColumns {
  const { model, dim, pooled, halves, latest, status, snapshot, frame, featureTimeMs } = held
  return {
    model,
    dim,
    get vectors() {
      return halves === null ? pooled : halvesToFloats(halves)
    },
    halves,
    latest,
    status,
    snapshot,
    frame,
    featureTimeMs,
    ageMs: new Float64Array(users),
    computed: computed ? new Uint8Array(users) : null,
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
  { maxAgeMs }: ModelRule,
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
