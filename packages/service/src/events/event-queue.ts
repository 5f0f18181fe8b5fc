import type { LogEvent } from '@headwater/features'
import type { Pooling } from '@headwater/pooling'

interface Waiting {
  readonly events: readonly LogEvent[]
  /** By `performance.now()`. */
  readonly arrivedMs: number
  resolve(): void
  reject(error: unknown): void
}

/**
 * Ingests requests' events in the order of arrival, those that came meanwhile in one call. Side by side they would change
 * the state of a popular item from under one another, and try again and again.
 */
export class EventQueue {
  readonly #pooling: Pooling
  readonly #maxEvents: number
  #waiting: Waiting[] = []
  #running: Promise<void> | null = null

  /** @param maxEvents of one call, of several requests */
  constructor(pooling: Pooling, maxEvents: number) {
    this.#pooling = pooling
    this.#maxEvents = maxEvents
  }

  /** @throws what `Pooling.ingest` throws; none of these events is applied then */
  ingest(events: readonly LogEvent[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ events, arrivedMs: performance.now(), resolve, reject })
      this.#running ??= this.#run().finally(() => {
        this.#running = null
      })
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#ingestGroup(this.#takeGroup())
  }

  #takeGroup(): readonly Waiting[] {
    let count = 0
    let events = 0
    for (const { events: more } of this.#waiting) {
      if (count > 0 && events + more.length > this.#maxEvents) break
      events += more.length
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #ingestGroup(group: readonly Waiting[]): Promise<void> {
    const events = group.flatMap((each) => each.events)
    try {
      // The first of the group came first.
      await this.#pooling.ingest(events, group[0].arrivedMs)
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length === 1) group[0].reject(error)
      // One request's bad event is no other's fault.
      else for (const each of group) await this.#ingestGroup([each])
    }
  }
}
