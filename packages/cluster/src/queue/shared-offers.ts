import type { Clock } from '@headwater/pooling'
import { encodeEntry } from './queue-entry.ts'
import { mostUsersAtOnce, type QueueName, type SharedQueues } from './shared-queue.ts'

export interface SharedOffersOptions {
  readonly queues: SharedQueues
  readonly tenant: string
  readonly models: readonly string[]
  readonly clock: Clock
  /** Users that may wait in each of the shared queues. */
  readonly maxQueue: number
  readonly onError: (error: unknown) => void
}

interface Unsent {
  /** Feature time of what is served. */
  readonly servedMs: number
  readonly askedMs: number
}

/** Users that wait here at most while the servers cannot be reached. */
const maxUnsent = 10_000
/** Offers of as long share a call. */
const gatherMs = 2
const retryMs = { first: 100, most: 2_000 }

/**
 * A process's way to the shared queues of a tenant: nobody waits for it, and while the servers cannot be reached offers
 * wait here, a user once.
 */
export class SharedOffers {
  readonly #options: SharedOffersOptions
  readonly #names: readonly QueueName[]
  /** By user. */
  #unsent = new Map<string, Unsent>()
  /** Those that are being sent. */
  #underWay = new Map<string, Unsent>()
  #timer: NodeJS.Timeout | null = null
  #sending: Promise<void> | null = null
  #failures = 0
  #dropped = 0
  #closed = false

  constructor(options: SharedOffersOptions) {
    this.#options = options
    this.#names = options.models.map((model) => ({ tenant: options.tenant, model }))
  }

  /** Users whose offers the servers have not taken yet. */
  get unsent(): number {
    return this.#unsent.size
  }

  /** Offers given up, as too many were unsent. */
  get dropped(): number {
    return this.#dropped
  }

  /** @param askedMs arrival of what asks for it, by `performance.now()` */
  offer(user: string, servedMs: number, askedMs: number): void {
    if (!this.#unsent.has(user) && this.#unsent.size >= maxUnsent) {
      this.#dropped++
      return
    }
    this.#keep(user, servedMs, askedMs)
    if (this.#timer === null && this.#sending === null) this.#sendAfter(gatherMs)
  }

  /** @returns whether the user waited here */
  forget(user: string): boolean {
    const isUnderWay = this.#underWay.delete(user)
    return this.#unsent.delete(user) || isUnderWay
  }

  /** Sends what is unsent, once. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#sending
    if (this.#unsent.size > 0) await this.#send()
  }

  /** Of a user who waits here already the older of both times. */
  #keep(user: string, servedMs: number, askedMs: number): void {
    const before = this.#unsent.get(user)
    this.#unsent.set(user, {
      servedMs: Math.min(servedMs, before?.servedMs ?? servedMs),
      askedMs: Math.min(askedMs, before?.askedMs ?? askedMs),
    })
  }

  #sendAfter(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#sending = this.#send().finally(() => {
        this.#sending = null
        if (this.#closed || this.#unsent.size === 0) return
        this.#sendAfter(
          this.#failures === 0 ? gatherMs : Math.min(retryMs.first * 2 ** (this.#failures - 1), retryMs.most),
        )
      })
    }, ms)
  }

  async #send(): Promise<void> {
    const { queues, clock, maxQueue, onError } = this.#options
    while (this.#unsent.size > 0) {
      const some = new Map([...this.#unsent].slice(0, mostUsersAtOnce))
      for (const user of some.keys()) this.#unsent.delete(user)
      this.#underWay = some
      const toServers = clock.now() - performance.now()
      try {
        await Promise.all(
          this.#names.map((name) => {
            const offers = Array.from(some, ([user, { servedMs, askedMs }]) => {
              return { user, servedMs, entry: encodeEntry({ model: name.model, offeredMs: askedMs + toServers }) }
            })
            return queues.offer(name, offers, maxQueue)
          }),
        )
        this.#failures = 0
      } catch (error) {
        // What was taken nevertheless joins what waits.
        for (const [user, { servedMs, askedMs }] of some) this.#keep(user, servedMs, askedMs)
        this.#failures++
        onError(error)
        return
      } finally {
        some.clear()
      }
    }
  }
}
