import type { FeatureSpace, LogEvent, SideBatch } from '@headwater/features'
import { RowError } from '@headwater/features/workers'
import { appendOutcome, type EmbeddingStore } from '@headwater/store'
import { type PoolingCounters, zeroCounters } from './counters.ts'
import type { Encoder } from './encoder.ts'
import { PoolingConfigError, PoolingError, RefreshError, UnknownModelError } from './errors.ts'
import { ingestEvents } from './ingest.ts'
import { type Landing, OfferQueue } from './offer-queue.ts'
import { type Clock, checkCount, checkDuration, type ModelRule, type PoolingOptions, rulesOf } from './options.ts'
import type { Encoders, RowBatch } from './row-batch.ts'
import { RowBatches } from './row-batches.ts'
import { OwnThreadRows, type RowEncoder } from './row-encoder.ts'
import { allocateRead, type ServedBatch, serve, servedStatus } from './served-batch.ts'

/**
 * SUM's asynchronous serving (Zhang et al. 2023, arXiv 2311.09544, SOAP): reads serve what the store holds and never wait
 * for a model; refreshes are computed off the read path and land in the store.
 *
 * A refresh goes three ways. It is *offered* and waits for its landing time. Once that has passed it is *captured*: the
 * user's features are read as of the landing time, and the encoders published then are noted. At last it is *computed*.
 * Capturing is cheap and happens by itself before an event or a snapshot could change the result; computing is left to
 * `drain()`. So a replay may put `drain()` off until a user with a due refresh is read, and gets bit for bit what
 * draining at once would give, as long as no offer is shed; only the store's `writtenMs` tells when it was computed.
 */
export class Pooling {
  readonly batchSize: number
  readonly clock: Clock
  readonly #store: EmbeddingStore
  readonly #space: FeatureSpace
  readonly #rules: ReadonlyMap<string, ModelRule>
  readonly #refreshDelayMs: number
  readonly #maxQueue: number
  readonly #onEvent: boolean
  readonly #onRead: boolean
  readonly #onServed: ((served: ServedBatch) => void) | null
  readonly #counters = zeroCounters()
  readonly #offers = new OfferQueue()
  readonly #captured: RowBatches
  readonly #rowEncoder: RowEncoder
  /** Users whose features are being read; an event of theirs waits for that. */
  readonly #capturing = new Map<string, Promise<void>>()
  #encoders: Encoders = new Map()
  /** End of the last drain or backfill; the next starts after it. */
  #computing: Promise<unknown> = Promise.resolve()
  #onOffered: (() => void) | null = null
  #closed = false

  /** @throws PoolingConfigError */
  constructor(options: PoolingOptions) {
    const { store, space, models, clock, refreshOn = 'event', onServed = null } = options
    this.#store = store
    this.#space = space
    this.#rules = rulesOf(models)
    this.clock = clock
    this.#refreshDelayMs = checkDuration('refreshDelayMs', options.refreshDelayMs ?? 1_000)
    this.batchSize = checkCount('batchSize', options.batchSize ?? 256)
    this.#maxQueue = checkCount('maxQueue', options.maxQueue ?? 100_000)
    this.#onEvent = refreshOn !== 'read'
    this.#onRead = refreshOn !== 'event'
    this.#onServed = onServed
    this.#captured = new RowBatches(this.batchSize)
    this.#rowEncoder = options.rowEncoder ?? new OwnThreadRows(space, this.batchSize)
  }

  get counters(): Readonly<PoolingCounters> {
    return this.#counters
  }

  /** Offers whose landing time has not come, or has but is not captured. */
  get waiting(): number {
    return this.#offers.size
  }

  /** Landing time of the first waiting offer, or undefined. */
  get nextDueMs(): number | undefined {
    return this.#offers.nextDueMs
  }

  /** Refreshes that `drain()` would compute now. */
  get due(): number {
    return this.#captured.rows + this.#offers.countDue(this.clock.now())
  }

  /** Whether any of the users has a refresh that should have landed by now, so that a replay must drain before it reads. */
  hasDue(users: readonly string[]): boolean {
    const nowMs = this.clock.now()
    return users.some((user) => this.#captured.has(user) || this.#offers.isDue(user, nowMs))
  }

  /**
   * Serves users' embeddings of the models in one round trip to the store, whatever the encoders do meanwhile.
   *
   * @throws UnknownModelError; KeyError and other errors of the store
   */
  async read(users: readonly string[], models: readonly string[]): Promise<ServedBatch> {
    this.#checkOpen()
    const nowMs = this.clock.now()
    const rules = models.map((model) => this.#rule(model))
    const buffer = allocateRead(users.length, rules)
    const modelReads = rules.map(({ name, timeToLiveMs }) => ({ model: name, expiredBeforeMs: nowMs - timeToLiveMs }))
    await this.#store.read({ users, models: modelReads }, buffer)
    const served = serve(users, rules, buffer, nowMs)
    this.#count(served)
    this.#onServed?.(served)
    if (this.#onRead) for (const user of users) this.offer(user)
    return served
  }

  /**
   * Applies events to the states of their users and items. Events of equal time belong in one call, after all reads of
   * that time.
   *
   * @throws EventError, StateError, ContentionError, errors of the store; no event is applied then
   */
  async ingest(events: readonly LogEvent[]): Promise<void> {
    this.#checkOpen()
    if (events.length === 0) return
    const users = events.map(({ user }) => user)
    // Refreshes that are due must see the states as they were at their landing times.
    await this.#capture(this.#offers.takeDueOf(users, this.clock.now()))
    await Promise.all(users.map((user) => this.#capturing.get(user)))
    await ingestEvents(this.#store, this.#space, events)
    this.#counters.events += events.length
    if (this.#onEvent) for (const user of users) this.offer(user)
  }

  /** Asks for a refresh of a user, joining one that waits already; false where the queue is full. Never waits. */
  offer(user: string): boolean {
    this.#checkOpen()
    const room = this.#maxQueue - this.#captured.rows
    const outcome = this.#offers.offer(user, this.clock.now() + this.#refreshDelayMs, room)
    if (outcome === 'coalesced') this.#counters.coalesced++
    else if (outcome === 'shed') this.#counters.shed++
    else this.#onOffered?.()
    return outcome !== 'shed'
  }

  /**
   * Computes all refreshes that are due and lands them in the store. Users without a state are passed over.
   *
   * @throws RefreshError where some failed; the others landed
   */
  drain(): Promise<void> {
    return this.#afterComputing(async () => {
      const failures: unknown[] = []
      // What becomes due meanwhile is left to the next drain, so that this one ends however fast offers come.
      const nowMs = this.clock.now()
      for (;;) {
        const landings = this.#offers.takeDue(nowMs, this.batchSize)
        if (landings.length === 0) break
        try {
          await this.#capture(landings)
        } catch (error) {
          this.#counters.failed += landings.length * this.#encoders.size
          failures.push(error)
        }
        // A part batch waits for the landings that may fill it.
        if (this.#captured.rows >= this.batchSize) await this.#computeNext(failures)
      }
      for (let batches = this.#captured.batches; batches > 0; batches--) await this.#computeNext(failures)
      throwFailures(failures)
    })
  }

  /**
   * Refreshes users at once, as of one time, with the encoders of now; say all known users, from `store.keys('user')`,
   * when a model's first snapshot is published.
   *
   * @returns the number of users that have a state, and so were refreshed
   * @throws PoolingConfigError before any is published; RefreshError where some failed, while the others landed
   */
  backfill(users: Iterable<string> | AsyncIterable<string>, atMs: number): Promise<number> {
    return this.#afterComputing(async () => {
      const failures: unknown[] = []
      const encoders = this.#encoders
      if (encoders.size === 0) throw new PoolingConfigError('no encoder is published; publish one before a backfill')
      const rows = new RowBatches(this.batchSize)
      let refreshed = 0
      const run = async (slice: readonly Landing[]) => {
        await this.#readFeatures(slice, encoders, rows)
        refreshed += rows.rows
        for (let batch = rows.take(); batch !== undefined; batch = rows.take()) {
          await this.#compute(batch, failures)
          rows.release(batch)
        }
      }
      let slice: Landing[] = []
      for await (const user of users) {
        slice.push({ user, atMs })
        if (slice.length < this.batchSize) continue
        await run(slice)
        slice = []
      }
      await run(slice)
      throwFailures(failures)
      return refreshed
    })
  }

  /**
   * Makes an encoder the latest of its model: refreshes that land from now on go through it. Those already due keep the
   * one before.
   *
   * @throws UnknownModelError, PoolingConfigError
   */
  async publish(model: string, encoder: Encoder): Promise<void> {
    this.#checkOpen()
    const { dim } = this.#rule(model)
    if (encoder.dim !== dim) {
      throw new PoolingConfigError(
        `snapshot ${encoder.snapshot} gives ${encoder.dim} values, model "${model}" has ${dim}; declare a new model`,
      )
    }
    await this.#capture(this.#offers.takeDue(this.clock.now(), this.#offers.size))
    this.#encoders = new Map(this.#encoders).set(model, encoder)
  }

  /** Latest encoder of a model, or undefined. @throws UnknownModelError */
  latest(model: string): Encoder | undefined {
    return this.#encoders.get(this.#rule(model).name)
  }

  /** Sets who is told when an offer has joined the queue; null for none. One listener at a time. */
  listen(onOffered: (() => void) | null): void {
    this.#onOffered = onOffered
  }

  /** Ends the computing that is under way; what waits is dropped. The store stays open. */
  async close(): Promise<void> {
    this.#closed = true
    this.#onOffered = null
    this.#offers.clear()
    await this.#computing.catch(() => {})
  }

  /** Captures refreshes that were taken from the queue; before any encoder is published they come to nothing. */
  async #capture(landings: readonly Landing[]): Promise<void> {
    if (landings.length === 0 || this.#encoders.size === 0) return
    const capturing = this.#readFeatures(landings, this.#encoders, this.#captured)
    for (const { user } of landings) this.#capturing.set(user, capturing)
    try {
      await capturing
    } finally {
      for (const { user } of landings) if (this.#capturing.get(user) === capturing) this.#capturing.delete(user)
    }
  }

  async #readFeatures(landings: readonly Landing[], encoders: Encoders, into: RowBatches): Promise<void> {
    if (landings.length === 0) return
    const { states } = await this.#store.readStates(
      'user',
      landings.map(({ user }) => user),
    )
    for (let i = 0; i < landings.length; i++) {
      const state = states[i]
      if (state !== undefined) into.add(encoders, landings[i].user, state, landings[i].atMs)
    }
  }

  async #computeNext(failures: unknown[]): Promise<void> {
    const batch = this.#captured.take()
    if (batch === undefined) return
    await this.#compute(batch, failures)
    this.#captured.release(batch)
  }

  /** Runs a batch through its encoders, all at once, and lands the results; one model's failure leaves the others be. */
  async #compute(taken: RowBatch, failures: unknown[]): Promise<void> {
    const encoded = await this.#encodeRows(taken, failures)
    if (encoded === null) return
    const { batch, rows } = encoded
    const encoders = [...batch.encoders]
    const results = await Promise.allSettled(encoders.map(([, encoder]) => encoder.encode(rows, batch.users)))
    for (const [i, [model, encoder]] of encoders.entries()) {
      const result = results[i]
      try {
        if (result.status === 'rejected') throw result.reason
        if (result.value.length !== rows.rows * encoder.dim) {
          throw new PoolingError(
            `snapshot ${encoder.snapshot} of model "${model}" gave ${result.value.length} values for ${rows.rows} users`,
          )
        }
        await this.#land(model, encoder, batch, result.value)
      } catch (error) {
        this.#counters.failed += rows.rows
        failures.push(error)
      }
    }
  }

  /** Leaves out rows whose state cannot be read; null where no row is left. */
  async #encodeRows(taken: RowBatch, failures: unknown[]): Promise<{ batch: RowBatch; rows: SideBatch } | null> {
    let batch = taken
    while (batch.users.length > 0) {
      try {
        return { batch, rows: await this.#rowEncoder.encodeUsers(batch.states, batch.timesMs) }
      } catch (error) {
        failures.push(error)
        if (!(error instanceof RowError)) {
          this.#counters.failed += batch.users.length * batch.encoders.size
          return null
        }
        this.#counters.failed += batch.encoders.size
        batch = batch.without(error.row)
      }
    }
    return null
  }

  async #land(model: string, encoder: Encoder, batch: RowBatch, vectors: Float32Array): Promise<void> {
    const { outcomes } = await this.#store.append({
      model,
      dim: encoder.dim,
      users: batch.users,
      vectors,
      snapshot: encoder.snapshot,
      frame: encoder.frame,
      featureTimeMs: Float64Array.from(batch.timesMs),
      writtenMs: this.clock.now(),
      policy: this.#rule(model).append,
    })
    for (const outcome of outcomes) {
      if (outcome === appendOutcome.written) this.#counters.refreshes++
      else if (outcome === appendOutcome.refused) this.#counters.refused++
      else this.#counters.superseded++
    }
  }

  /** Runs drains and backfills one after another, each whatever became of the one before. */
  #afterComputing<T>(run: () => Promise<T>): Promise<T> {
    this.#checkOpen()
    const done = this.#computing.then(run, run)
    this.#computing = done.catch(() => {})
    return done
  }

  #count(served: ServedBatch): void {
    const counters = this.#counters
    for (const { status } of served.models) {
      counters.reads += served.users.length
      for (const each of status) {
        if (each === servedStatus.default) counters.default++
        else counters.hits++
        if (each === servedStatus.stale) counters.stale++
      }
    }
  }

  #rule(model: string): ModelRule {
    const rule = this.#rules.get(model)
    if (rule === undefined) throw new UnknownModelError(model, this.#rules.keys())
    return rule
  }

  #checkOpen(): void {
    if (this.#closed) throw new PoolingError('pooling is closed; create it again')
  }
}

/** Creates a pooling over a store that is open. @throws PoolingConfigError */
export function createPooling(options: PoolingOptions): Pooling {
  return new Pooling(options)
}

function throwFailures(failures: readonly unknown[]): void {
  if (failures.length === 0) return
  const first = failures[0] instanceof Error ? failures[0].message : String(failures[0])
  throw new RefreshError(`${failures.length} batches of refreshes failed; the first: ${first}`, { cause: failures[0] })
}
