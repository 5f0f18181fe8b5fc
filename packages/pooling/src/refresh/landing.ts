import { type AppendResult, appendOutcome } from '@headwater/store'
import type { PoolingCounters } from '../contracts/counters.ts'
import type { Encoder } from '../contracts/encoder.ts'
import type { Settings } from '../options/options.ts'
import type { RowBatch } from './row-batch.ts'

/** What one model's encoder made of a batch. */
interface Computed {
  readonly model: string
  readonly encoder: Encoder
  readonly batch: RowBatch
  /** [R, dim] */
  readonly vectors: Float32Array
  /** Later batches have later ones. */
  readonly order: number
}

interface Waiting {
  readonly computed: Computed
  readonly row: number
}

/** What is appended of a model's embeddings besides users, vectors and times. */
export function appendedAs({ clock, rules }: Settings, model: string, { snapshot, frame, dim }: Encoder) {
  return { model, dim, snapshot, frame, writtenMs: clock.now(), policy: rules.get(model)!.append }
}

export function countOutcomes(counters: PoolingCounters, { outcomes }: AppendResult): void {
  for (const outcome of outcomes) {
    if (outcome === appendOutcome.written) counters.refreshes++
    else if (outcome === appendOutcome.refused) counters.refused++
    else counters.superseded++
  }
}

/** Embeddings that a replay computed ahead of its reads. Each waits for the first read that is to find it. */
export class Landing {
  readonly #settings: Settings
  /** Of each user, those of a model in the order of their due times. */
  readonly #waiting = new Map<string, Waiting[]>()
  #holds = 0

  constructor(settings: Settings) {
    this.#settings = settings
  }

  hold(model: string, encoder: Encoder, batch: RowBatch, vectors: Float32Array): void {
    const computed = { model, encoder, batch, vectors, order: this.#holds++ }
    for (const [row, user] of batch.users.entries()) {
      const before = this.#waiting.get(user)
      if (before === undefined) this.#waiting.set(user, [{ computed, row }])
      else before.push({ computed, row })
    }
  }

  /** Writes the users' embeddings that were due before now, by the clock: to be called before they are read. */
  async land(users: readonly string[]): Promise<void> {
    const nowMs = this.#settings.clock.now()
    const due: Waiting[] = []
    for (const user of users) {
      const waiting = this.#waiting.get(user)
      if (waiting === undefined) continue
      const later: Waiting[] = []
      for (const one of waiting) (one.computed.batch.timesMs[one.row] < nowMs ? due : later).push(one)
      if (later.length > 0) this.#waiting.set(user, later)
      else this.#waiting.delete(user)
    }
    if (due.length > 0) await this.#append(due)
  }

  /** Writes all that is left. */
  async landAll(): Promise<void> {
    const left = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    await this.#append(left)
  }

  async #append(some: readonly Waiting[]): Promise<void> {
    const rowsOf = new Map<Computed, number[]>()
    for (const { computed, row } of some) {
      const rows = rowsOf.get(computed)
      if (rows === undefined) rowsOf.set(computed, [row])
      else rows.push(row)
    }
    // The store takes appends in the order of the calls, and a user's go in theirs.
    const inOrder = [...rowsOf].sort(([a], [b]) => a.order - b.order)
    await Promise.all(inOrder.map(([computed, rows]) => this.#appendRows(computed, rows)))
  }

  async #appendRows({ model, encoder, batch, vectors }: Computed, rows: readonly number[]): Promise<void> {
    const { store, counters } = this.#settings
    const { dim } = encoder
    const own = new Float32Array(rows.length * dim)
    for (const [i, row] of rows.entries()) own.set(vectors.subarray(row * dim, (row + 1) * dim), i * dim)
    const result = await store.append({
      ...appendedAs(this.#settings, model, encoder),
      users: rows.map((row) => batch.users[row]),
      vectors: own,
      featureTimeMs: Float64Array.from(rows, (row) => batch.timesMs[row]),
    })
    countOutcomes(counters, result)
  }
}
