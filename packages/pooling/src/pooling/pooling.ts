import type { FieldValue, LogEvent } from '@headwater/features'
import type { ForgetHolder, Removal } from '@headwater/store'
import type { PoolingCounters } from '../contracts/counters.ts'
import type { Encoder } from '../contracts/encoder.ts'
import { PoolingConfigError, PoolingError } from '../contracts/errors.ts'
import { failedEarly } from '../contracts/observer.ts'
import type { ServedBatch } from '../contracts/served-batch.ts'
import { ingestEvents } from '../ingest/ingest.ts'
import { LateItems } from '../ingest/late-items.ts'
import { partsOf } from '../ingest/parts.ts'
import { putUserFeatures } from '../ingest/put-features.ts'
import { RecentlyForgotten } from '../ingest/recently-forgotten.ts'
import { type Clock, type PoolingOptions, type Settings, settingsOf } from '../options/options.ts'
import { PooledReads } from '../read/pooled-reads.ts'
import { ReadComputing } from '../read/read-computing.ts'
import type { ReadOptions } from '../read/read-options.ts'
import type { Landing } from '../refresh/landing.ts'
import type { Refresh } from '../refresh/offer-queue.ts'
import { RefreshPipeline } from '../refresh/refresh-pipeline.ts'
import { type BackfillOptions, type BatchUnderWay, RefreshRuns } from '../refresh/refresh-runs.ts'
import type { Encoders } from '../refresh/row-batch.ts'
import { ColdDefaults } from '../snapshots/cold-defaults.ts'
import { Shadow, type ShadowOptions } from '../snapshots/shadow.ts'

/**
 * SUM's asynchronous serving (Zhang et al. 2023, arXiv 2311.09544, SOAP): reads serve what the store holds and never wait
 * for a model; refreshes are computed off the read path and are written to the store.
 *
 * A refresh goes three ways. It is *offered* and waits for its due time. Once that has passed it is *captured*: the
 * user's features are read as of the due time, and the encoders published then are noted. At last it is *computed*.
 * Capturing is cheap and happens by itself before an event or a snapshot could change the result; computing is left to
 * `drain()`. So a replay may put `drain()` off until a user with a due refresh is read, and gets bit for bit what
 * draining at once would give, as long as no offer is shed; only the store's `writtenMs` tells when it was computed. It may
 * put the reads off, too: see `computeDue`.
 *
 * While a `Refresher` computes by the wall's clock, a due refresh waits for its turn alone, and takes the state and the
 * encoders of the moment it is captured: then it is news that an event brings, not a result that it must not change.
 */
export class Pooling {
  /** Place of the waiting refreshes. The store asks it at every `forget`. */
  readonly queue: ForgetHolder
  readonly #settings: Settings
  readonly #defaults: ReadonlyMap<string, ColdDefaults>
  readonly #reads: PooledReads
  readonly #computing: ReadComputing
  readonly #forgotten = new RecentlyForgotten()
  /** Synchronous mode: each model's own, for what reads compute. */
  readonly #readPipelines = new Map<string, RefreshPipeline>()
  readonly #runs: RefreshRuns
  readonly #stopHolding: () => void
  #shadow: Encoders = new Map()
  /** By parts of the store, the end of the last ingest, where events are logged in the order in which they are applied. */
  readonly #ingesting = new Map<string, Promise<unknown>>()
  readonly #lateItems: LateItems | null
  #closed = false

  /** @throws PoolingConfigError */
  constructor(options: PoolingOptions) {
    const settings = settingsOf(options)
    const { rules, space, batchSize, store } = settings
    this.#settings = settings
    this.#lateItems = store.atomicity === 'key' ? new LateItems(store, space) : null
    this.#runs = new RefreshRuns(settings)
    this.#defaults = new Map([...rules].map(([model, rule]) => [model, new ColdDefaults(space, rule, batchSize)]))
    this.#reads = new PooledReads(settings, this.#defaults, () => this.#completeDefaults())
    this.#computing = new ReadComputing(settings, (model, users) => this.#computeNow(model, users))
    if (settings.mode === 'synchronous')
      for (const model of rules.keys()) this.#readPipelines.set(model, new RefreshPipeline(settings))
    this.queue = { where: 'refresh queue', forget: async (tenant, user) => this.#forget(tenant, user) }
    this.#stopHolding = settings.store.addForgetHolder(this.queue)
  }

  get batchSize(): number {
    return this.#settings.batchSize
  }

  get clock(): Clock {
    return this.#settings.clock
  }

  get counters(): Readonly<PoolingCounters> {
    return this.#settings.counters
  }

  /**
   * Events that wait for the server that has their items, which is silent or down, while their users have them; and how many
   * were given up. Over a store that is no cluster none do.
   */
  get lateItems(): Pick<LateItems, 'size' | 'dropped'> {
    return this.#lateItems ?? { size: 0, dropped: 0 }
  }

  /** Offers whose due time has not come, or has but is not captured. */
  get waiting(): number {
    return this.#runs.queue.offers.size
  }

  /** Due time of a waiting offer that is due, or else of the first that will be; undefined where none waits. */
  get nextDueMs(): number | undefined {
    return this.#runs.queue.offers.nextDueMs
  }

  /** When the refresh was offered that waits longest, by the clock; undefined where none waits. */
  get oldestOfferMs(): number | undefined {
    const { oldest } = this.#runs.queue.offers
    return oldest === undefined ? undefined : oldest.atMs - this.#settings.refreshDelayMs
  }

  /** Whether a read offers its users' refreshes, or makes them itself. */
  get refreshesOnRead(): boolean {
    return this.#settings.refreshesOnRead || this.#settings.mode === 'synchronous'
  }

  /** Refreshes that `drain()` would compute now. */
  get due(): number {
    const { capture, queue } = this.#runs
    return capture.batches.waitingRows + queue.offers.countDue(this.clock.now())
  }

  /** Whether any of the users has a refresh that should have been written by now, so that a replay must drain before it reads. */
  hasDue(users: readonly string[]): boolean {
    const { capture, queue } = this.#runs
    const nowMs = this.clock.now()
    return users.some((user) => capture.batches.has(user) || queue.offers.isDue(user, nowMs))
  }

  /**
   * Serves users' embeddings of the models in one round trip to the store, whatever the encoders do meanwhile. In
   * synchronous mode it computes them first, as far as the deadline allows.
   *
   * @throws UnknownModelError, PoolingConfigError; KeyError and other errors of the store
   */
  async read(users: readonly string[], models: readonly string[], options?: ReadOptions): Promise<ServedBatch> {
    this.#checkOpen()
    const asOfMs = this.clock.now()
    const read = this.#reads.prepare(users, models, options)
    let servedMs = asOfMs
    if (this.#settings.mode === 'synchronous' && this.#runs.encoders.size > 0) {
      await this.#computing.within(options?.deadlineMs ?? this.#settings.deadlineMs, users, models)
      servedMs = this.clock.now()
    }
    const begun = this.#forgotten.beginRead()
    try {
      await this.#reads.fill(read, users, models, servedMs)
      if (this.#forgotten.anySince(begun)) this.#reads.leaveOut(read, (user) => this.#forgotten.since(begun, user))
    } finally {
      this.#forgotten.endRead()
    }
    this.#reads.serve(read, models, asOfMs, options)
    if (this.#settings.refreshesOnRead) this.#runs.queue.offerServed(read)
    return read
  }

  /**
   * What a read would serve from the store now: nothing is computed, counted, logged or offered. For monitoring the
   * service.
   *
   * @throws UnknownModelError; KeyError and other errors of the store
   */
  async look(users: readonly string[], models: readonly string[]): Promise<ServedBatch> {
    this.#checkOpen()
    return this.#reads.look(users, models, this.clock.now())
  }

  /**
   * Applies events to the states of their users and items. Events of equal time belong in one call, after all reads of
   * that time. An event whose id is one of its user's last 64 changes nothing.
   *
   * @throws EventError, StateError, ContentionError, errors of the store and the event log; no event is applied then. Over
   *   a store whose atomicity is `key` some may be: the same call again, with the same ids, applies the rest
   * @param arrivedMs when the first of them came, by `performance.now()`: what freshness counts from
   */
  async ingest(events: readonly LogEvent[], arrivedMs = performance.now()): Promise<void> {
    this.#checkOpen()
    if (events.length === 0) return
    if (this.#runs.isReplay) await this.#runs.captureBefore(events.map(({ user }) => user))
    const { store, space, eventLog, counters } = this.#settings
    const ingest = () => ingestEvents(store, space, events, eventLog, this.#lateItems)
    const { applied, repeated, lastEventMs } = await (eventLog === null ? ingest() : this.#inTurn(events, ingest))
    counters.events += applied.length
    counters.repeated += repeated
    if (this.#settings.refreshesOnEvent)
      for (const { user } of applied) this.#runs.queue.offerByEvent(user, lastEventMs.get(user)!, arrivedMs)
  }

  /**
   * Resolves where nothing is known to keep events from being kept. For monitoring.
   *
   * @throws StoreUnavailableError, StoreWriteError, LogWriteError
   */
  async checkWritable(): Promise<void> {
    this.#checkOpen()
    const { store, eventLog } = this.#settings
    await Promise.all([store.checkWritable(), eventLog?.checkWritable?.()])
  }

  /**
   * Sets fields of a user, those of the schema that are the user's, without an event. A value older than the one that is
   * held changes nothing, and null leaves what is there.
   *
   * @throws EventError, of row 0, which names the field; StateError, ContentionError, errors of the store
   */
  async putFeatures(user: string, values: Readonly<Record<string, FieldValue>>, atMs: number): Promise<void> {
    this.#checkOpen()
    const arrivedMs = performance.now()
    if (this.#runs.isReplay) await this.#runs.captureBefore([user])
    const { store, space, rules, refreshesOnEvent } = this.#settings
    const lastEventMs = await putUserFeatures(store, space, user, values, atMs)
    for (const [model, { segmentField }] of rules) {
      const value = segmentField === null ? null : values[segmentField]
      if (typeof value === 'string' && this.#defaults.get(model)!.learn(value, this.clock.now()))
        this.#completeDefaults()
    }
    if (refreshesOnEvent && lastEventMs !== undefined) this.#runs.queue.offerByEvent(user, lastEventMs, arrivedMs)
  }

  /**
   * Asks for a refresh of a user, joining one that waits already; false where it is shed, and where nothing is refreshed.
   * Never waits.
   *
   * @param servedMs `featureTimeMs` of the embedding that is held, as a read gave it. Default: it is not known, and the user
   *   comes before all of whom it is
   */
  offer(user: string, servedMs = Number.NEGATIVE_INFINITY): boolean {
    this.#checkOpen()
    return this.#settings.mode !== 'stored' && this.#runs.queue.offer(user, servedMs)
  }

  /**
   * Refreshes users of a queue of the caller's through one model's latest encoder, `batchSize` of them at most; never
   * rejected, as each failure is the observer's and that of its users.
   *
   * @returns those that failed and may be tried again; all before the model has an encoder
   */
  async refresh(model: string, refreshes: readonly Refresh[]): Promise<readonly Refresh[]> {
    this.#checkOpen()
    const encoder = this.latest(model)
    return encoder === undefined ? refreshes : this.#runs.refresh(refreshes, new Map([[model, encoder]]))
  }

  /**
   * Computes all refreshes that are due and writes them to the store. Users without a state are passed over.
   *
   * @throws RefreshError where some failed; the others were written
   */
  drain(): Promise<void> {
    this.#checkOpen()
    return this.#runs.after(() => this.#runs.drain())
  }

  /**
   * As `drain`, for a replay that ingests events ahead of its reads: what is computed waits for `land`, which is called before
   * each read, with the clock at the read's time, and for `landAll`, behind the last one and before the next `computeDue`. So the
   * refreshes of many reads share a batch, and each read finds what it would have found.
   *
   * @throws PoolingConfigError where reads offer refreshes; RefreshError where some failed; the others were written
   */
  computeDue(): Promise<Landing> {
    this.#checkOpen()
    if (this.refreshesOnRead)
      throw new PoolingConfigError(
        'reads offer refreshes here, so none can be put off; drain() before each, or refresh on events alone',
      )
    return this.#runs.after(() => this.#runs.computeDue())
  }

  /**
   * Sends what is due through the encoders, a batch of it at most; for a `Refresher`, as there must be a listener. Resolves
   * once the batch's rows are made, when the next may follow; null where nothing was due.
   *
   * @throws RefreshError where no state of its users could be read
   */
  refreshDue(): Promise<BatchUnderWay | null> {
    this.#checkOpen()
    return this.#runs.after(() => this.#runs.next())
  }

  /**
   * Refreshes users at once, as of one time, with the encoders of now; say all known users, from `store.keys('user')`,
   * when a model's first snapshot is published.
   *
   * @returns the number of users that have a state, and so were refreshed
   * @throws PoolingConfigError before any is published; RefreshError where some failed, while the others were written
   */
  backfill(
    users: Iterable<string> | AsyncIterable<string>,
    atMs: number,
    options: BackfillOptions = {},
  ): Promise<number> {
    this.#checkOpen()
    return this.#runs.after(() => this.#runs.backfill(users, atMs, options))
  }

  /**
   * Makes an encoder the latest of its model: refreshes that become due from now on go through it. Those already due keep the
   * one before, unless a `Refresher` computes.
   *
   * @throws UnknownModelError, PoolingConfigError; SnapshotRefusedError where it does not even encode a user without
   *   events; the one before goes on then
   */
  async publish(model: string, encoder: Encoder): Promise<void> {
    this.#checkOpen()
    this.#checkDim(model, encoder)
    await this.#defaults.get(model)!.publish(encoder, this.clock.now())
    const { isReplay, queue } = this.#runs
    if (isReplay) await this.#runs.captureNow(queue.offers.takeDue(this.clock.now(), queue.offers.size))
    const { encoders } = this.#runs
    this.#runs.encoders = this.#swap(encoders, new Map(encoders).set(model, encoder))
  }

  /** Latest encoder of a model, or undefined. @throws UnknownModelError */
  latest(model: string): Encoder | undefined {
    return this.#runs.encoders.get(this.#reads.ruleOf(model).name)
  }

  /** [dim] what users without an embedding are served; it is not to be changed. @throws UnknownModelError */
  defaultOf(model: string): Float32Array {
    return this.#defaults.get(this.#reads.ruleOf(model).name)!.vectorOf(null)
  }

  /**
   * Has a share of a model's batches go through a second encoder, too, whose vectors are written nowhere; null ends that.
   *
   * @throws UnknownModelError, PoolingConfigError
   */
  shadow(model: string, encoder: Encoder, options: ShadowOptions): void
  shadow(model: string, encoder: null): void
  shadow(model: string, encoder: Encoder | null, options?: ShadowOptions): void {
    if (encoder !== null) this.#checkDim(model, encoder)
    const { name } = this.#reads.ruleOf(model)
    if (encoder === null && !this.#shadow.has(name)) return
    const shadow = encoder === null || options === undefined ? null : new Shadow(name, encoder, options)
    for (const pipeline of [this.#runs.pipeline, ...this.#readPipelines.values()]) pipeline.shadow = shadow
    this.#shadow = this.#swap(this.#shadow, new Map(encoder === null ? [] : [[name, encoder]]))
  }

  /** Resolves once an encoder is neither published nor a shadow, and no refresh waits for it or runs through it. */
  released(encoder: Encoder): Promise<void> {
    return this.#runs.use.released(encoder)
  }

  /** Sets the listener that is called when an offer has joined the queue; null for none. */
  listen(onOffered: (() => void) | null): void {
    this.#runs.queue.onOffered = onOffered
  }

  /** Ends the computing that is under way; what waits is dropped. The store stays open. */
  async close(): Promise<void> {
    this.#closed = true
    this.#runs.queue.close()
    this.#stopHolding()
    await Promise.all([this.#runs.ended, this.#computing.close(), this.#lateItems?.close()])
    this.#runs.capture.batches.clear()
    this.#runs.encoders = this.#swap(this.#runs.encoders, new Map())
    this.#shadow = this.#swap(this.#shadow, new Map())
  }

  /** Computes users with the model's latest encoder, for reads that wait for it. */
  async #computeNow(model: string, users: readonly string[]): Promise<void> {
    const encoder = this.latest(model)
    if (encoder === undefined) return
    await this.#runs.computeNow(users, new Map([[model, encoder]]), this.#readPipelines.get(model)!)
  }

  /** Once what came before for the same parts of the store has ended: one that is silent keeps no other waiting. */
  #inTurn<T>(events: readonly LogEvent[], act: () => Promise<T>): Promise<T> {
    const parts = partsOf(
      this.#settings.store,
      events.map(({ user }) => user),
    )
    const acting = (this.#ingesting.get(parts) ?? Promise.resolve()).then(act)
    const ended = acting
      .then(() => {})
      .catch(() => {})
      .finally(() => {
        if (this.#ingesting.get(parts) === ended) this.#ingesting.delete(parts)
      })
    this.#ingesting.set(parts, ended)
    return acting
  }

  #forget(tenant: string, user: string): readonly Removal[] {
    if (tenant !== (this.#settings.tenant ?? tenant)) return []
    this.#forgotten.add(user)
    this.#lateItems?.forget(user)
    this.#settings.observer.forgotten?.(user)
    return this.#runs.queue.drop(user)
  }

  /** Computes the defaults of segments that lack one, off the read path. */
  #completeDefaults(): void {
    void this.#runs.after(async () => {
      for (const [model, defaults] of this.#defaults) {
        await defaults
          .complete(this.clock)
          .catch((error: unknown) => this.#settings.observer.failed?.(failedEarly([], error, model)))
      }
    })
  }

  #swap(before: Encoders, after: Encoders): Encoders {
    this.#runs.use.begin(after)
    if (before.size > 0) this.#runs.use.end(before)
    return after
  }

  #checkDim(model: string, encoder: Encoder): void {
    const { dim } = this.#reads.ruleOf(model)
    if (encoder.dim === dim) return
    throw new PoolingConfigError(
      `snapshot ${encoder.snapshot} gives ${encoder.dim} values, model "${model}" has ${dim}; declare a new model`,
    )
  }

  #checkOpen(): void {
    if (this.#closed) throw new PoolingError('pooling is closed; create it again')
  }
}

/** Creates a pooling over a store that is open. @throws PoolingConfigError */
export function createPooling(options: PoolingOptions): Pooling {
  return new Pooling(options)
}
