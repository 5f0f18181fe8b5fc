import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock, Pooling, PoolingOptions } from '@headwater/pooling'
import type { ForgetHolder } from '@headwater/store'
import { type QueueWorker, startQueueWorker } from '../queue/queue-worker.ts'
import { SharedOffers } from '../queue/shared-offers.ts'
import { type QueueLook, type QueueName, SharedQueues } from '../queue/shared-queue.ts'
import { Announcements, announcedEncoder } from './announcements.ts'
import { SharedClock } from './shared-clock.ts'

export interface ClusterOptions {
  /** Of the store, `valkey://` or `valkeys://`. */
  readonly url: string
  readonly tenants: readonly string[]
  readonly models: readonly string[]
  /** Users that may wait in each queue; beyond, those whose embeddings are freshest are shed. Default 100,000. */
  readonly maxQueue?: number
  /** Entries of a worker that has sent no sign of life for as long are claimed by others. Default 5,000. */
  readonly claimMs?: number
  /** The process's own clock, which the servers' corrects. Default the wall's. */
  readonly clock?: Clock
  /** How often queues and announcements are looked at. Default 1,000. */
  readonly lookMs?: number
  /** Called with errors that do no harm to reads. */
  readonly onError?: (error: unknown) => void
}

/** A worker looks into each queue this often while nobody waits there, and into all of its queues not more often together. */
const leastPollMs = 10
const mostLooksASecond = 1_000

/** What a node last saw of one queue. */
export interface QueueFigures extends QueueName, QueueLook {
  /** By `performance.now()`. */
  readonly seenMs: number
}

/** A process's part in a cluster: it offers refreshes to the shared queues, and where it is a worker it takes from them. */
export class ClusterNode {
  /** The servers' time: poolings of the cluster are made with it. */
  readonly clock: SharedClock
  readonly #options: ClusterOptions
  readonly #queues: SharedQueues
  readonly #announcements: Announcements
  readonly #offers: ReadonlyMap<string, SharedOffers>
  readonly #names: readonly QueueName[]
  readonly #looks = new Map<QueueName, QueueFigures>()
  readonly #conflicts = new Map<string, number>()
  /** By model, the digest of what is announced. */
  readonly #announced = new Map<string, string>()
  /** By model, the encoder that was announced last. */
  readonly #own = new Map<string, unknown>()
  readonly #abort = new AbortController()
  #workers: readonly QueueWorker[] = []
  #poolings: ReadonlyMap<string, Pooling> = new Map()
  #isWorker = false
  #looking: Promise<void> = Promise.resolve()

  /** Use {@link joinCluster}. */
  constructor(options: ClusterOptions, queues: SharedQueues, announcements: Announcements) {
    const { tenants, models, maxQueue = 100_000, onError = () => {} } = options
    this.#options = options
    this.#queues = queues
    this.#announcements = announcements
    this.clock = new SharedClock(options.clock)
    this.#names = tenants.flatMap((tenant) => models.map((model) => ({ tenant, model })))
    const { clock } = this
    this.#offers = new Map(
      tenants.map((tenant) => [tenant, new SharedOffers({ queues, tenant, models, clock, maxQueue, onError })]),
    )
  }

  /** What a tenant's pooling takes as `refreshElsewhere`. */
  offersOf(tenant: string): NonNullable<PoolingOptions['refreshElsewhere']> {
    const offers = this.#offers.get(tenant)!
    return (...offer) => offers.offer(...offer)
  }

  /** The queues, which a store asks at every `forget`. */
  get holder(): ForgetHolder {
    return {
      where: 'shared refresh queue',
      forget: async (tenant, user) => {
        const here = Number(this.#offers.get(tenant)?.forget(user) ?? false)
        const own = this.#names.filter((name) => name.tenant === tenant)
        const counts = await Promise.all(own.map((name) => this.#queues.forget(name, user)))
        return [{ what: 'waiting refresh', count: counts.reduce((sum, count) => sum + count, here) }]
      },
    }
  }

  /** What was seen of the queues last; those that could not be looked at yet are left out. */
  get queues(): readonly QueueFigures[] {
    return [...this.#looks.values()]
  }

  /** By tenant, what waits in this process and what it gave up. */
  get offers(): ReadonlyMap<string, Pick<SharedOffers, 'unsent' | 'dropped'>> {
    return this.#offers
  }

  /** By model, snapshots that were refused as two publishers share it, by all workers. */
  get conflicts(): ReadonlyMap<string, number> {
    return this.#conflicts
  }

  /** Lets a snapshot write into a model's rings. @throws PublisherConflictError; errors of the store */
  admit(model: string, snapshot: number, digest: string): Promise<void> {
    return this.#announcements.admit(model, snapshot, digest)
  }

  /**
   * Reads: poolings are given the snapshots that workers announce, so that strangers are served their defaults.
   *
   * @param poolings by tenant
   */
  async read(poolings: ReadonlyMap<string, Pooling>): Promise<void> {
    this.#poolings = poolings
    await this.#look()
    this.#looking = this.#keepLooking()
  }

  /**
   * Works: takes users from the queues and refreshes them by the poolings, which have encoders, and announces those.
   * @param isReady whether encoders can be expected to answer
   */
  async work(poolings: ReadonlyMap<string, Pooling>, isReady: () => boolean = () => true): Promise<void> {
    this.#isWorker = true
    await this.read(poolings)
    const { claimMs = 5_000, onError = () => {} } = this.#options
    const consumer = randomUUID()
    const { clock } = this
    const pollMs = Math.max(leastPollMs, (1_000 * this.#names.length) / mostLooksASecond)
    const shared = { queues: this.#queues, consumer, clock, claimMs, pollMs, isReady, onError }
    this.#workers = this.#names.map((name) =>
      startQueueWorker({ ...shared, name, pooling: poolings.get(name.tenant)! }),
    )
  }

  /** Resolves once what was taken is written, and what was offered is sent. Poolings are closed after it. */
  async close(): Promise<void> {
    this.#abort.abort()
    await this.#looking
    await Promise.all(this.#workers.map((worker) => worker.stop()))
    await Promise.all([...this.#offers.values()].map((offers) => offers.close()))
    this.#queues.close()
    this.#announcements.close()
  }

  async #keepLooking(): Promise<void> {
    const { lookMs = 1_000 } = this.#options
    const { signal } = this.#abort
    while (await wait(lookMs, true, { signal, ref: false }).catch(() => false)) await this.#look()
  }

  async #look(): Promise<void> {
    const { onError = () => {}, models } = this.#options
    const looks = this.#names.map((name) => this.#lookAt(name).catch(onError))
    const news = models.map((model) => (this.#isWorker ? this.#announce(model) : this.#learn(model)).catch(onError))
    await Promise.all([...looks, ...news])
  }

  async #lookAt(name: QueueName): Promise<void> {
    const look = async () => {
      const seen = await this.#queues.look(name)
      this.#looks.set(name, { ...name, ...seen, seenMs: performance.now() })
      return seen.nowMs
    }
    // One server's time is everybody's.
    if (name === this.#names[0]) await this.clock.sync(look)
    else await look()
  }

  /** Announces this worker's snapshot where it has changed, or nothing is announced. */
  async #announce(model: string): Promise<void> {
    const [pooling] = this.#poolings.values()
    const encoder = pooling.latest(model)
    const known = this.#announced.get(model)
    const { digest, conflicts } = await this.#announcements.announced(model, known)
    this.#conflicts.set(model, conflicts)
    if (encoder === undefined || (encoder === this.#own.get(model) && digest !== '')) return
    const { snapshot, frame, dataCutoffMs } = encoder
    const announcement = { snapshot, frame, dataCutoffMs, defaultVector: pooling.defaultOf(model) }
    this.#announced.set(model, await this.#announcements.announce(model, announcement))
    this.#own.set(model, encoder)
  }

  /** Puts what is announced into the poolings. */
  async #learn(model: string): Promise<void> {
    const { digest, announcement, conflicts } = await this.#announcements.announced(model, this.#announced.get(model))
    this.#conflicts.set(model, conflicts)
    if (announcement === null) return
    const encoder = announcedEncoder(announcement)
    for (const pooling of this.#poolings.values()) await pooling.publish(model, encoder)
    this.#announced.set(model, digest)
  }
}

/** Joins the queues of a store. @throws StoreUrlError, StoreAccessError */
export async function joinCluster(options: ClusterOptions): Promise<ClusterNode> {
  const queues = await SharedQueues.connect(options.url)
  try {
    return new ClusterNode(options, queues, await Announcements.connect(options.url))
  } catch (cause) {
    queues.close()
    throw cause
  }
}
