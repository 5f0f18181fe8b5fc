import type { LogEvent } from '@headwater/features'
import { type Pooling, partsOf } from '@headwater/pooling'
import type { EmbeddingStore } from '@headwater/store'
import { isStoreFailure } from '../failures/failure.ts'

interface Waiting {
  readonly events: readonly LogEvent[]
  /** By `performance.now()`. */
  readonly arrivedMs: number
  resolve(): void
  reject(error: unknown): void
}

/**
 * Ingests requests' events in the order of arrival, those that came meanwhile in one call. Side by side they would change
 * the state of a popular item from under one another, and try again and again. Those about other parts of the store have a
 * queue of their own: a server that is silent keeps nobody waiting but its own users.
 */
export class EventQueue {
  readonly #pooling: Pooling
  readonly #store: EmbeddingStore
  readonly #maxEvents: number
  /** By the parts of the store, those that have work. */
  readonly #queues = new Map<string, Waiting[]>()

  /** @param maxEvents of one call, of several requests */
  constructor(pooling: Pooling, store: EmbeddingStore, maxEvents: number) {
    this.#pooling = pooling
    this.#store = store
    this.#maxEvents = maxEvents
  }

  /** @throws what `Pooling.ingest` throws; none of these events is applied then */
  ingest(events: readonly LogEvent[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const parts = partsOf(
        this.#store,
        events.map(({ user }) => user),
      )
      const waiting = { events, arrivedMs: performance.now(), resolve, reject }
      const queue = this.#queues.get(parts)
      if (queue !== undefined) queue.push(waiting)
      else void this.#run(parts, [waiting])
    })
  }

  async #run(parts: string, queue: Waiting[]): Promise<void> {
    this.#queues.set(parts, queue)
    while (queue.length > 0) await this.#ingestGroup(this.#takeGroup(queue))
    this.#queues.delete(parts)
  }

  #takeGroup(waiting: Waiting[]): readonly Waiting[] {
    let count = 0
    let events = 0
    for (const { events: more } of waiting) {
      if (count > 0 && events + more.length > this.#maxEvents) break
      events += more.length
      count++
    }
    return waiting.splice(0, count)
  }

  async #ingestGroup(group: readonly Waiting[]): Promise<void> {
    const events = group.flatMap((each) => each.events)
    try {
      // The first of the group came first.
      await this.#pooling.ingest(events, group[0].arrivedMs)
      for (const { resolve } of group) resolve()
    } catch (error) {
      // A store that failed all of them would fail each, after the same time.
      if (group.length === 1 || isStoreFailure(error)) for (const { reject } of group) reject(error)
      // One request's bad event is no other's fault.
      else for (const each of group) await this.#ingestGroup([each])
    }
  }
}
