import { askedBy, type Refresh } from './offer-queue.ts'

/** What a refresh would have ended that was shed or given up. */
export interface Missed {
  /** Feature time of what the user is served. */
  readonly servedMs: number
  /** Arrival of the first event or features whose refresh was missed; +∞ where only reads asked, which bring no news. */
  readonly newsMs: number
  /** Arrival of the last that was missed, whatever it was. */
  readonly lastMs: number
}

/**
 * Users whose refreshes were shed or given up, with the time of what they are served: an event's offer tells the time of the
 * user's event before, whose own refresh may be the one that was missed, so that those with the most events would look the
 * freshest and be shed again and again.
 */
export class MissedRefreshes {
  readonly #limit: number
  readonly #missed = new Map<string, Missed>()

  /** @param limit users at most; beyond it those that missed theirs first are forgotten */
  constructor(limit: number) {
    this.#limit = limit
  }

  get isEmpty(): boolean {
    return this.#missed.size === 0
  }

  add({ user, servedMs, askedMs, askedBy: by }: Refresh): void {
    const before = this.#missed.get(user)
    this.#missed.delete(user)
    const newsMs = by === askedBy.read ? Number.POSITIVE_INFINITY : askedMs
    this.#missed.set(user, {
      servedMs: Math.min(servedMs, before?.servedMs ?? servedMs),
      newsMs: Math.min(newsMs, before?.newsMs ?? newsMs),
      lastMs: Math.max(askedMs, before?.lastMs ?? askedMs),
    })
    const [first] = this.#missed.keys()
    if (this.#missed.size > this.#limit) this.#missed.delete(first)
  }

  /** Removes what is known of a user and gives it to the caller. */
  take(user: string): Missed | undefined {
    const missed = this.#missed.get(user)
    this.#missed.delete(user)
    return missed
  }

  /** Ends what a refresh brought that was written: all that came before what asked for it. */
  written({ user, askedMs }: Refresh): void {
    const missed = this.#missed.get(user)
    if (missed !== undefined && missed.lastMs <= askedMs) this.#missed.delete(user)
  }

  clear(): void {
    this.#missed.clear()
  }
}
