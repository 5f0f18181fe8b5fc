import type { SideBatch } from '@headwater/features'
import { RowError } from '@headwater/features/workers'
import type { EmbeddingStore } from '@headwater/store'
import type { Encoder } from '../contracts/encoder.ts'
import { PoolingError } from '../contracts/errors.ts'
import { type FailedBatch, failedEarly } from '../contracts/observer.ts'
import type { RowEncoder } from '../contracts/row-encoder.ts'
import type { Settings } from '../options/options.ts'
import type { Shadow } from '../snapshots/shadow.ts'
import { nextTurn } from './event-loop.ts'
import { appendedAs, countOutcomes, type Landing } from './landing.ts'
import { askedBy, type Refresh } from './offer-queue.ts'
import { ownThreadRows } from './own-thread-rows.ts'
import type { RowBatch } from './row-batch.ts'

/** What one batch came to. */
interface BatchResult {
  readonly failures: readonly unknown[]
  /** Refreshes that an encoder or the store failed; trying them again may help. */
  readonly failed: readonly Refresh[]
}

/** Steps of a batch on its way; none of them is ever rejected. */
interface Steps {
  /** Rows are made. */
  readonly made: Promise<unknown>
  /** No encoder reads the rows any more. */
  readonly encoded: Promise<unknown>
  readonly written: Promise<BatchResult>
}

interface Encoded {
  readonly model: string
  readonly encoder: Encoder
  readonly encodeMs: number
  readonly vectors: Float32Array | null
  readonly error: unknown
}

/** Rows that are appended in one turn of the event loop: what a read has to wait for, 10 to 60 µs each. */
const pieceRows = 4

const nothing: Steps = {
  made: Promise.resolve(),
  encoded: Promise.resolve(),
  written: Promise.resolve({ failures: [], failed: [] }),
}

/**
 * Batches on their way from states to embeddings in the store: rows of the next one are made while one is encoded, and that
 * is encoded while the one before is written. Each step takes the batches in their order, so a user's embeddings are written in theirs.
 * Steps that hold the event loop each begin in a turn of their own: one batch's end sets off the next two, and in one turn
 * they would keep a read waiting for all of them.
 */
export class RefreshPipeline {
  /** A second encoder that some of the batches go through, too. */
  shadow: Shadow | null = null
  readonly #settings: Settings
  readonly #rowEncoder: RowEncoder
  #last = nothing
  #beforeLast = nothing

  constructor(settings: Settings) {
    this.#settings = settings
    this.#rowEncoder = settings.rowEncoder ?? ownThreadRows(settings.space, settings.batchSize)
  }

  /**
   * Once `made` resolved the next batch may come.
   * @param landing keeps what is computed; null: it is written
   */
  run(batch: RowBatch, landing: Landing | null = null): Steps {
    const before = this.#last
    const failures: unknown[] = []
    const failed = new Set<Refresh>()
    const note: Note = (refreshes, failure) => {
      failures.push(failure.error)
      for (const refresh of refreshes) failed.add(refresh)
      this.#settings.counters.failed += refreshes.length * (failure.model === null ? batch.encoders.size : 1)
      this.#settings.observer.failed?.(failure)
    }
    // Two memories for rows: those of the batch before last must have been read.
    const made = Promise.all([before.made, this.#beforeLast.encoded])
      .then(nextTurn)
      .then(() => this.#makeRows(batch, failures, note))
    const live = Promise.all([made, before.encoded]).then(([rows]) => {
      if (rows === null) return null
      const shadow = this.#compare(rows.batch, rows.rows)
      return { rows, shadow, encoded: [...rows.batch.encoders].map((each) => encode(each, rows)) }
    })
    const encoded = live.then(async (running) => {
      if (running === null) return
      const vectors = await Promise.all(running.encoded)
      await running.shadow?.(vectors)
    })
    const written = Promise.all([live, before.written]).then(async ([running]) => {
      if (running !== null) await this.#writeAll(running.rows.batch, running.encoded, landing, note)
      const endMs = performance.now()
      const { observer } = this.#settings
      if (running !== null && observer.written !== undefined) {
        for (const refresh of running.rows.batch.refreshes) {
          if (failed.has(refresh) || Number.isNaN(refresh.askedMs)) continue
          observer.written(endMs - refresh.askedMs, refresh.askedBy === askedBy.missed)
        }
      }
      return { failures, failed: [...failed] }
    })
    this.#beforeLast = before
    this.#last = { made, encoded, written }
    return this.#last
  }

  /** Leaves out rows whose state cannot be read; null where no row is left. */
  async #makeRows(taken: RowBatch, failures: unknown[], note: Note): Promise<Rows | null> {
    let batch = taken
    while (batch.users.length > 0) {
      try {
        return { batch, rows: await this.#rowEncoder.encodeUsers(batch.states, batch.timesMs) }
      } catch (error) {
        if (!(error instanceof RowError)) {
          note(batch.refreshes, failedEarly(batch.users, error))
          return null
        }
        // To try again would not help.
        failures.push(error)
        this.#settings.counters.failed += batch.encoders.size
        this.#settings.observer.failed?.(failedEarly([batch.users[error.row]], error))
        batch = batch.without(error.row)
      }
    }
    return null
  }

  /** Writes each model's vectors once its encoder has answered, one at a time; one's failure leaves the others be. */
  async #writeAll(
    batch: RowBatch,
    encoded: readonly Promise<Encoded>[],
    landing: Landing | null,
    note: Note,
  ): Promise<void> {
    let last = Promise.resolve()
    const writeInTurn = async (one: Promise<Encoded>) => {
      const result = await one
      last = last.then(nextTurn).then(() => this.#writeOne(batch, result, landing, note))
      await last
    }
    await Promise.all(encoded.map(writeInTurn))
  }

  async #writeOne(
    batch: RowBatch,
    { model, encoder, encodeMs, vectors, error }: Encoded,
    landing: Landing | null,
    note: Note,
  ): Promise<void> {
    let startMs: number | null = null
    try {
      if (vectors === null) throw error
      const rows = batch.users.length
      if (vectors.length !== rows * encoder.dim) {
        throw new PoolingError(
          `snapshot ${encoder.snapshot} of model "${model}" gave ${vectors.length} values for ${rows} users`,
        )
      }
      startMs = performance.now()
      let lost: LostRows | null = null
      if (landing === null) lost = await this.#write(model, encoder, batch, vectors)
      else landing.hold(model, encoder, batch, vectors)
      const appendMs = performance.now() - startMs
      if (lost === null) this.#settings.observer.refreshed?.({ model, users: batch.users, rows, encodeMs, appendMs })
      else {
        const refreshes = lost.rows.map((row) => batch.refreshes[row])
        const users = lost.rows.map((row) => batch.users[row])
        note(refreshes, { model, users, error: lost.error, encodeMs, appendMs, isShadow: false })
      }
    } catch (failure) {
      const appendMs = startMs === null ? null : performance.now() - startMs
      note(batch.refreshes, { model, users: batch.users, error: failure, encodeMs, appendMs, isShadow: false })
    }
  }

  /** In pieces, between which reads go on. @returns rows of pieces that failed, null where none did */
  async #write(model: string, encoder: Encoder, batch: RowBatch, vectors: Float32Array): Promise<LostRows | null> {
    const { store, counters } = this.#settings
    const { dim } = encoder
    const about = appendedAs(this.#settings, model, encoder)
    const pieces: ReturnType<EmbeddingStore['append']>[] = []
    for (let from = 0; from < batch.users.length; from += pieceRows) {
      if (from > 0) await nextTurn()
      const to = Math.min(from + pieceRows, batch.users.length)
      const piece = store.append({
        ...about,
        users: batch.users.slice(from, to),
        vectors: vectors.subarray(dim * from, dim * to),
        featureTimeMs: Float64Array.from(batch.timesMs.slice(from, to)),
      })
      // Failures are reported below, once all have ended.
      piece.catch(() => {})
      pieces.push(piece)
    }
    const lost: { rows: number[]; error: unknown } = { rows: [], error: null }
    for (const [p, ended] of (await Promise.allSettled(pieces)).entries()) {
      if (ended.status === 'fulfilled') countOutcomes(counters, ended.value)
      else {
        for (let row = p * pieceRows; row < Math.min((p + 1) * pieceRows, batch.users.length); row++)
          lost.rows.push(row)
        lost.error ??= ended.reason
      }
    }
    return lost.rows.length === 0 ? null : lost
  }

  /** Begins to encode a batch by the shadow, where it is of the sample. @returns what ends that, given the live vectors */
  #compare(batch: RowBatch, rows: SideBatch): ((live: readonly Encoded[]) => Promise<void>) | null {
    const { shadow } = this
    if (shadow === null || !batch.encoders.has(shadow.model) || !shadow.isNext()) return null
    const encoding = encode([shadow.model, shadow.encoder], { batch, rows })
    return async (results) => {
      const { vectors, error, encodeMs } = await encoding
      const live = results.find(({ model }) => model === shadow.model)!.vectors
      try {
        if (vectors === null) throw error
        if (live?.length === vectors.length) shadow.onCompared(batch.users, live, vectors)
      } catch (failure) {
        const { model } = shadow
        const { users } = batch
        this.#settings.observer.failed?.({ model, users, error: failure, encodeMs, appendMs: null, isShadow: true })
      }
    }
  }
}

/** Tells of refreshes that an encoder or the store failed. */
type Note = (refreshes: readonly Refresh[], failure: FailedBatch) => void

interface LostRows {
  readonly rows: readonly number[]
  readonly error: unknown
}

interface Rows {
  readonly batch: RowBatch
  readonly rows: SideBatch
}

async function encode([model, encoder]: [string, Encoder], { batch, rows }: Rows): Promise<Encoded> {
  const startMs = performance.now()
  try {
    const vectors = await encoder.encode(rows, batch.users)
    return { model, encoder, encodeMs: performance.now() - startMs, vectors, error: null }
  } catch (error) {
    return { model, encoder, encodeMs: performance.now() - startMs, vectors: null, error }
  }
}
