/** What goes on in a service besides reads: refreshes that are offered, and events whose freshness is probed. */
import type { LogEvent } from '@headwater/features'
import type { Pooling } from '@headwater/pooling'
import { nearestRankPercentiles, type SeededRandom, seededRandom } from '@headwater/statistics'
import { model, type World } from './pooling-world.ts'

const tickMs = 1

/** Offers refreshes of users in turn, at a rate that nothing slows down. */
export class OfferFlow {
  readonly #pooling: Pooling
  readonly #users: readonly string[]
  /** Waiting refreshes that keep the encoder busy. */
  readonly #enough: number
  /** About when each user's embedding was made, which its offers tell. */
  readonly #servedMs = new Map<string, number>()
  #next = 0
  #timer: NodeJS.Timeout | null = null

  /** @param servedMs of the embeddings that the users have */
  constructor(pooling: Pooling, users: readonly string[], servedMs: number, batchRows: number) {
    this.#pooling = pooling
    this.#users = users
    this.#enough = 3 * batchRows
    for (const user of users) this.#servedMs.set(user, servedMs)
  }

  /** When the embedding was made that is the oldest of them all. */
  get oldestMs(): number {
    return this.#users.reduce((oldest, user) => Math.min(oldest, this.#servedMs.get(user)!), Number.POSITIVE_INFINITY)
  }

  /** Users that it does not offer are passed over, so that what it holds does not grow. */
  landed(users: readonly string[], nowMs: number): void {
    for (const user of users) if (this.#servedMs.has(user)) this.#servedMs.set(user, nowMs)
  }

  /** @param perSecond 0 ends it */
  start(perSecond: number | 'saturating'): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    if (perSecond === 0) return
    const startMs = performance.now()
    let offered = 0
    this.#timer = setInterval(() => {
      if (perSecond === 'saturating') while (this.#pooling.waiting < this.#enough) this.#offer()
      else for (const due = ((performance.now() - startMs) * perSecond) / 1_000; offered < due; offered++) this.#offer()
    }, tickMs)
  }

  #offer(): void {
    const user = this.#users[this.#next++ % this.#users.length]
    this.#pooling.offer(user, this.#servedMs.get(user))
  }
}

export interface FreshnessFigures {
  readonly events: number
  readonly failed: number
  /** Of the events that were probed: from their intended time to the read that serves them. */
  readonly probed: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

interface Probe {
  readonly user: string
  readonly intendedMs: number
  /** Wall's time before its event was taken in: a refresh that has the event in it has a later feature time. */
  readonly beforeMs: number
}

/** One event of this many is probed, so that probing takes little of the reads' time. */
const probedOf = 8

/**
 * Takes in events of random users at times that were fixed before, and reads some of these users every millisecond until
 * what is served has the event in it.
 */
export class EventFlow {
  readonly #pooling: Pooling
  readonly #world: World
  readonly #random: SeededRandom = seededRandom(3)
  #timer: NodeJS.Timeout | null = null
  #probes: Probe[] = []
  #isProbing = false
  readonly #taking = new Set<Promise<void>>()
  #freshnessMs: number[] = []
  #events = 0
  #failed = 0

  constructor(pooling: Pooling, world: World) {
    this.#pooling = pooling
    this.#world = world
  }

  /** @param perSecond looked at for every event; null ends it */
  start(perSecond: (() => number) | null): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#probes = []
    if (perSecond === null) return
    const gapMs = () => (-1_000 / perSecond()) * Math.log(1 - this.#random.nextFloat())
    let intendedMs = performance.now() + gapMs()
    this.#timer = setInterval(() => {
      const nowMs = performance.now()
      for (; intendedMs <= nowMs; intendedMs += gapMs()) this.#begin(intendedMs)
      void this.#probe()
    }, tickMs)
  }

  /** Resolves once no event is on its way any more. */
  async end(): Promise<void> {
    this.start(null)
    await Promise.all(this.#taking)
  }

  /** Figures since the last time. */
  taken(): FreshnessFigures {
    const times = this.#freshnessMs
    const [p50Ms, p99Ms, maxMs] = times.length === 0 ? [0, 0, 0] : nearestRankPercentiles(times, [50, 99, 100])
    const figures = { events: this.#events, failed: this.#failed, probed: times.length, p50Ms, p99Ms, maxMs }
    this.#freshnessMs = []
    this.#events = 0
    this.#failed = 0
    return figures
  }

  #begin(intendedMs: number): void {
    const taking = this.#take(intendedMs).finally(() => this.#taking.delete(taking))
    this.#taking.add(taking)
  }

  async #take(intendedMs: number): Promise<void> {
    const { users, events } = this.#world
    const like = events[this.#random.nextBelow(events.length)]
    const beforeMs = Date.now()
    const event: LogEvent = { ...like, user: users[this.#random.nextBelow(users.length)], timeMs: beforeMs }
    const isProbed = this.#events++ % probedOf === 0
    try {
      await this.#pooling.ingest([event])
      if (isProbed) this.#probes.push({ user: event.user, intendedMs, beforeMs })
    } catch (error) {
      this.#failed++
      console.error(error)
    }
  }

  async #probe(): Promise<void> {
    const probes = this.#probes
    if (this.#isProbing || probes.length === 0) return
    this.#isProbing = true
    const served = await this.#pooling.read(
      probes.map(({ user }) => user),
      [model],
    )
    const nowMs = performance.now()
    const { featureTimeMs } = served.models[0]
    const isFresh = (probe: number) => featureTimeMs[probe] > probes[probe].beforeMs
    for (const [p, { intendedMs }] of probes.entries()) if (isFresh(p)) this.#freshnessMs.push(nowMs - intendedMs)
    // Probes that came meanwhile have no row yet, and stay.
    if (this.#probes === probes) this.#probes = probes.filter((_, probe) => !isFresh(probe))
    this.#isProbing = false
  }
}
