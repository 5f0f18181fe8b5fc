import type { Removal } from '@headwater/store'
import type { ServedBatch } from '../contracts/served-batch.ts'
import type { Settings } from '../options/options.ts'
import { type Missed, MissedRefreshes } from './missed-refreshes.ts'
import { type AskedBy, askedBy, type OfferOutcome, OfferQueue, type Refresh } from './offer-queue.ts'
import type { StateCapture } from './state-capture.ts'

/** Users that may be tried again: this many at first, then a tenth of the refreshes that were written since, up to a bound. */
const firstRetries = 10
const mostRetries = 1000
/** From a failure to the first retry; each further one waits twice as long. */
const retryAfterMs = 100

/** What is offered, by events, by reads and after failures; it counts what it coalesces, sheds and tries again. */
export class RefreshQueue {
  readonly offers = new OfferQueue()
  /** Called when an offer has joined the queue. */
  onOffered: (() => void) | null = null
  readonly #settings: Settings
  readonly #capture: StateCapture
  readonly #missed: MissedRefreshes
  #closed = false
  #budget = firstRetries
  /** Refreshes that the budget knows of. */
  #written = 0

  constructor(settings: Settings, capture: StateCapture) {
    this.#settings = settings
    this.#capture = capture
    this.#missed = new MissedRefreshes(settings.maxQueue)
  }

  /**
   * @param servedMs feature time of the embedding that is held, about; −Infinity where none is, or it is not known
   * @param askedMs arrival of what asks for it, by `performance.now()`
   */
  offer(user: string, servedMs: number, askedMs = performance.now()): boolean {
    return this.#offer(user, servedMs, askedMs, askedBy.read, this.#missed.take(user))
  }

  /**
   * By an event, or by features.
   *
   * @param lastEventMs time of the user's event before, whose refresh they are most likely served; −Infinity for a stranger
   */
  offerByEvent(user: string, lastEventMs: number, askedMs: number): void {
    const missed = this.#missed.take(user)
    const servedMs = Math.min(lastEventMs, missed?.servedMs ?? lastEventMs)
    this.#offer(user, servedMs, askedMs, askedBy.news, missed)
  }

  offerServed({ users, models }: ServedBatch): void {
    const askedMs = performance.now()
    for (let row = 0; row < users.length; row++) {
      let servedMs = Number.POSITIVE_INFINITY
      for (const { featureTimeMs, ageMs } of models) {
        servedMs = Math.min(servedMs, Number.isNaN(ageMs[row]) ? Number.NEGATIVE_INFINITY : featureTimeMs[row])
      }
      this.offer(users[row], servedMs, askedMs)
    }
  }

  /** Notes a batch that was written but for `failed`: one of its users may have missed a refresh while this one was on its way. */
  written(refreshes: readonly Refresh[], failed: readonly Refresh[]): void {
    if (this.#missed.isEmpty) return
    const left = new Set(failed)
    for (const refresh of refreshes) if (!left.has(refresh)) this.#missed.written(refresh)
  }

  /** Puts failed refreshes back, as far as their tries and the budget allow; one that the user has waiting takes them over. */
  retry(failed: readonly Refresh[]): void {
    const { clock, refreshDelayMs, maxRetries, counters } = this.#settings
    this.#budget = Math.min(mostRetries, this.#budget + (counters.refreshes - this.#written) / 10)
    this.#written = counters.refreshes
    for (const refresh of failed) {
      if (this.offers.join(refresh)) {
        counters.coalesced++
        continue
      }
      if (this.#budget < 1 || refresh.failures >= maxRetries) {
        this.#missed.add(refresh)
        continue
      }
      const { user, failures } = refresh
      const atMs = clock.now() + refreshDelayMs + retryAfterMs * 2 ** failures
      // What was shed while this one was on its way comes with it.
      const missed = this.#missed.take(user)
      const servedMs = Math.min(refresh.servedMs, missed?.servedMs ?? refresh.servedMs)
      const outcome = this.#add(withMissed({ ...refresh, atMs, servedMs, failures: failures + 1 }, missed))
      if (outcome === 'queued' || outcome === 'displaced') {
        counters.retried++
        this.#budget--
      }
    }
  }

  /** Forgets what waits of a user. */
  drop(user: string): readonly Removal[] {
    this.#missed.take(user)
    const count = Number(this.offers.drop(user)) + this.#capture.drop(user)
    return [{ what: 'waiting refresh', count }]
  }

  close(): void {
    this.#closed = true
    this.onOffered = null
    this.offers.clear()
    this.#missed.clear()
  }

  #offer(user: string, servedMs: number, askedMs: number, by: AskedBy, missed: Missed | undefined): boolean {
    const { clock, refreshDelayMs, refreshElsewhere } = this.#settings
    if (refreshElsewhere) {
      if (!this.#closed) refreshElsewhere(user, servedMs, askedMs)
      return true
    }
    const refresh = {
      user,
      atMs: clock.now() + refreshDelayMs,
      // Who is about to be served something newer is not in a hurry. Should that fail, its retry takes the old rank.
      servedMs: Math.max(servedMs, this.#capture.batches.featureTimeMs(user)),
      askedMs,
      askedBy: by,
      failures: 0,
    }
    return this.#add(withMissed(refresh, missed)) !== 'shed'
  }

  #add(refresh: Refresh): OfferOutcome {
    // What ends after the pooling was closed offers in vain.
    if (this.#closed) return 'shed'
    const { counters, maxQueue } = this.#settings
    const { freshest } = this.offers
    const outcome = this.offers.offer(refresh, maxQueue - this.#capture.batches.rows)
    if (outcome === 'coalesced') counters.coalesced++
    if (outcome === 'shed') this.#missed.add(refresh)
    if (outcome === 'displaced') this.#missed.add(freshest!)
    if (outcome === 'shed' || outcome === 'displaced') counters.shed++
    if (outcome === 'queued' || outcome === 'displaced') this.onOffered?.()
    return outcome
  }
}

/** A refresh that brings the news that was missed, too. */
function withMissed(refresh: Refresh, missed: Missed | undefined): Refresh {
  if (missed === undefined || missed.newsMs === Number.POSITIVE_INFINITY) return refresh
  return { ...refresh, askedMs: Math.min(refresh.askedMs, missed.newsMs), askedBy: askedBy.missed }
}
