import type { Refresh } from './offer-queue.ts'

/**
 * Users whose refreshes were shed or given up, with the time of what they are served: an event's offer tells the time of the
 * user's event before, whose own refresh may be the one that was missed, so that those with the most events would look the
 * freshest and be shed again and again.
 */
export class MissedRefreshes {
  readonly #limit: number
  readonly #servedMs = new Map<string, number>()

  /** @param limit users at most; beyond it those that missed theirs first are forgotten */
  constructor(limit: number) {
    this.#limit = limit
  }

  add({ user, servedMs }: Refresh): void {
    const oldestMs = this.take(user, servedMs)
    this.#servedMs.set(user, oldestMs)
    if (this.#servedMs.size <= this.#limit) return
    for (const first of this.#servedMs.keys()) {
      this.#servedMs.delete(first)
      return
    }
  }

  /** The older of `servedMs` and what is known of the user, which is then left to whoever has it. */
  take(user: string, servedMs: number): number {
    const knownMs = this.#servedMs.get(user) ?? servedMs
    this.#servedMs.delete(user)
    return Math.min(knownMs, servedMs)
  }

  drop(user: string): void {
    this.#servedMs.delete(user)
  }

  clear(): void {
    this.#servedMs.clear()
  }
}
