import { StoreUnavailableError } from '@headwater/store'
import { PoolingConfigError, RefreshError } from '../contracts/errors.ts'
import { failedEarly } from '../contracts/observer.ts'
import type { Settings } from '../options/options.ts'
import { EncoderUse } from './encoder-use.ts'
import { Landing } from './landing.ts'
import { askedBy, type Refresh } from './offer-queue.ts'
import { RefreshPipeline } from './refresh-pipeline.ts'
import { RefreshQueue } from './refresh-queue.ts'
import { type Encoders, RowBatch } from './row-batch.ts'
import { RowBatches } from './row-batches.ts'
import { StateCapture } from './state-capture.ts'

/** Where a backfill takes states from. */
export interface BackfillOptions {
  /** One a user, undefined for those that are to be passed over. Default: what the store holds. */
  readonly states?: (users: readonly string[]) => Promise<readonly (Uint8Array | undefined)[]>
}

/** A batch in service that is on its way. */
export interface BatchUnderWay {
  /** Resolves once no encoder has it any more. */
  readonly encoded: Promise<unknown>
  /** Rejected with a `RefreshError` where it failed. */
  readonly written: Promise<void>
}

/** Sends users through the encoders: those that are due, those of a backfill, and those of reads. */
export class RefreshRuns {
  readonly use = new EncoderUse()
  readonly capture: StateCapture
  readonly queue: RefreshQueue
  readonly pipeline: RefreshPipeline
  /** Published now. */
  encoders: Encoders = new Map()
  readonly #settings: Settings
  /** End of the last run; the next starts after it. */
  #ended: Promise<unknown> = Promise.resolve()
  /** End of writing the last batch, and so of all before it. */
  #written: Promise<void> = Promise.resolve()

  constructor(settings: Settings) {
    this.#settings = settings
    this.capture = new StateCapture(settings, this.use, (failed) => this.queue.retry(failed))
    this.queue = new RefreshQueue(settings, this.capture)
    this.pipeline = new RefreshPipeline(settings)
  }

  /** Nobody computes by the wall's clock, so what is due must come to what it would have come to at its due time. */
  get isReplay(): boolean {
    return this.queue.onOffered === null
  }

  /** Resolves when all runs so far have ended and are written, whatever became of them. */
  get ended(): Promise<unknown> {
    return this.#ended.then(() => this.#written)
  }

  /** Runs one after another, each whatever became of the one before. */
  after<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#ended.then(run, run)
    this.#ended = done.catch(() => {})
    return done
  }

  /** Takes the states of refreshes, as of their due times, or in service as of now. */
  captureNow(refreshes: readonly Refresh[]): Promise<void> {
    return this.capture.capture(refreshes, this.encoders, this.isReplay ? null : this.#settings.clock.now())
  }

  /** Refreshes of the users that are due must see the states as they were at their due times. */
  async captureBefore(users: readonly string[]): Promise<void> {
    await this.captureNow(this.queue.offers.takeDueOf(users, this.#settings.clock.now()))
    await this.capture.settled(users)
  }

  /** @param landing keeps what is computed; null: it is written */
  async drain(landing: Landing | null = null): Promise<void> {
    const { batchSize, clock } = this.#settings
    const { queue } = this
    const { batches } = this.capture
    const failures: unknown[] = []
    const run = () => this.#run(batches, failures, (failed) => queue.retry(failed), landing).made
    // What becomes due meanwhile is left to the next drain, so that this one ends however fast offers come.
    const nowMs = clock.now()
    let left = queue.offers.countDue(nowMs)
    while (left > 0) {
      const refreshes = queue.offers.takeDue(nowMs, Math.min(left, batchSize))
      left = refreshes.length === 0 ? 0 : left - refreshes.length
      await this.#capture(refreshes, failures)
      // A part batch waits for those that may fill it.
      while (batches.hasWhole) await run()
    }
    while (batches.batches > 0) await run()
    await this.#written
    throwFailures(failures)
  }

  async computeDue(): Promise<Landing> {
    const landing = new Landing(this.#settings)
    await this.drain(landing).catch(async (error: unknown) => {
      await landing.landAll()
      throw error
    })
    return landing
  }

  /**
   * Sends what is due on its way, a batch of it at most, and what was captured before; null where there is none, and once
   * nobody listens any more.
   *
   * @throws RefreshError where no state could be read
   */
  async next(): Promise<BatchUnderWay | null> {
    const { batchSize, clock } = this.#settings
    const { queue } = this
    const { batches } = this.capture
    // A refresher that stops leaves what waits in the queue.
    const refreshes = this.isReplay ? [] : queue.offers.takeDue(clock.now(), batchSize)
    const failures: unknown[] = []
    if (refreshes.length > 0) await this.#capture(refreshes, failures)
    let encoded: Promise<unknown> | null = null
    while (batches.batches > 0) {
      const running = this.#run(batches, failures, (failed) => queue.retry(failed))
      encoded = running.encoded
      await running.made
    }
    if (encoded === null) {
      throwFailures(failures)
      return null
    }
    return { encoded, written: this.#written.then(() => throwFailures(failures)) }
  }

  /** @returns the number of users that have a state */
  async backfill(
    users: Iterable<string> | AsyncIterable<string>,
    atMs: number,
    { states = (slice) => this.capture.readStates(slice) }: BackfillOptions,
  ): Promise<number> {
    const { encoders } = this
    if (encoders.size === 0) throw new PoolingConfigError('no encoder is published; publish one before a backfill')
    const { batchSize } = this.#settings
    const batches = new RowBatches(batchSize, this.use)
    const failures: unknown[] = []
    let refreshed = 0
    const run = () => this.#run(batches, failures, () => {}).made
    const add = async (slice: readonly string[]) => {
      const held = await states(slice)
      for (const [i, user] of slice.entries()) {
        const state = held[i]
        if (state === undefined) continue
        batches.add(encoders, unqueued(user, atMs), state)
        refreshed++
      }
      while (batches.hasWhole) await run()
    }
    try {
      let slice: string[] = []
      for await (const user of users) {
        slice.push(user)
        if (slice.length < batchSize) continue
        await add(slice)
        slice = []
      }
      if (slice.length > 0) await add(slice)
      while (batches.batches > 0) await run()
    } finally {
      await this.#written
      batches.clear()
    }
    throwFailures(failures)
    return refreshed
  }

  /** Refreshes users as of now, and is never rejected: what fails is left to the store, which serves what it has. */
  async computeNow(users: readonly string[], encoders: Encoders, pipeline: RefreshPipeline): Promise<void> {
    const { batchSize, clock } = this.#settings
    this.use.begin(encoders)
    for (let from = 0; from < users.length; from += batchSize) {
      const atMs = clock.now()
      const slice = users.slice(from, from + batchSize)
      await this.refresh(
        slice.map((user) => unqueued(user, atMs)),
        encoders,
        pipeline,
      )
    }
    this.use.end(encoders)
  }

  /**
   * Computes refreshes of other queues than its own, a batch of them at most, as of their due times; never rejected.
   * @returns those that may be tried again
   */
  async refresh(
    refreshes: readonly Refresh[],
    encoders: Encoders,
    pipeline = this.pipeline,
  ): Promise<readonly Refresh[]> {
    this.use.begin(encoders)
    try {
      const { store } = this.#settings
      const batch = new RowBatch(encoders, this.#settings.batchSize)
      // Rows that are written together are of one part of the store, so that what one fails is no other's.
      const partOf = new Map(refreshes.map((refresh) => [refresh, store.partOf(refresh.user)]))
      const inParts = [...refreshes].sort(
        (a, b) => Number(partOf.get(a)! > partOf.get(b)!) - Number(partOf.get(a)! < partOf.get(b)!),
      )
      const { states, missing } = await this.capture.readStatesThere(usersOf(inParts))
      for (const [i, refresh] of inParts.entries()) {
        const state = states[i]
        if (state !== undefined) batch.add(refresh, state)
      }
      const unread = inParts.filter((_, i) => missing.has(i))
      if (unread.length > 0) this.#failed(unread, new StoreUnavailableError('no server gave their states in time'))
      return [...unread, ...(await pipeline.run(batch).written).failed]
    } catch (error) {
      this.#failed(refreshes, error)
      return refreshes
    } finally {
      this.use.end(encoders)
    }
  }

  async #capture(refreshes: readonly Refresh[], failures: unknown[]): Promise<void> {
    try {
      await this.captureNow(refreshes)
    } catch (error) {
      failures.push(error)
      this.#failed(refreshes, error)
    }
  }

  #failed(refreshes: readonly Refresh[], error: unknown): void {
    this.#settings.counters.failed += refreshes.length
    this.#settings.observer.failed?.(failedEarly(usersOf(refreshes), error))
  }

  /** Sends the first of the batches on its way. */
  #run(
    batches: RowBatches,
    failures: unknown[],
    onFailed: (failed: readonly Refresh[]) => void,
    landing: Landing | null = null,
  ) {
    const batch = batches.take()!
    const { made, encoded, written } = this.pipeline.run(batch, landing)
    this.#written = written.then((result) => {
      batches.release(batch)
      failures.push(...result.failures)
      onFailed(result.failed.filter(({ user }) => !batch.forgotten.has(user)))
      this.queue.written(batch.refreshes, result.failed)
    })
    return { made, encoded }
  }
}

const usersOf = (refreshes: readonly Refresh[]) => refreshes.map(({ user }) => user)

function unqueued(user: string, atMs: number): Refresh {
  return { user, atMs, servedMs: Number.NaN, askedMs: Number.NaN, askedBy: askedBy.read, failures: 0 }
}

function throwFailures(failures: readonly unknown[]): void {
  if (failures.length === 0) return
  const first = failures[0] instanceof Error ? failures[0].message : String(failures[0])
  throw new RefreshError(`${failures.length} batches of refreshes failed; the first: ${first}`, { cause: failures[0] })
}
