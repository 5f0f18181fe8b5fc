export type OfferOutcome = 'queued' | 'coalesced' | 'shed'

/** Refreshes that wait for their landing time, one a user, in the order of that time. */
export class OfferQueue {
  /** Landing time by user; in insertion order, which is its order, too. */
  readonly #dueMs = new Map<string, number>()
  #lastDueMs = Number.NEGATIVE_INFINITY

  get size(): number {
    return this.#dueMs.size
  }

  /** Landing time of the first, or undefined. */
  get nextDueMs(): number | undefined {
    for (const dueMs of this.#dueMs.values()) return dueMs
    return undefined
  }

  /** A waiting user keeps the landing time of the first offer; the later news is in by then. */
  offer(user: string, dueMs: number, limit: number): OfferOutcome {
    if (this.#dueMs.has(user)) return 'coalesced'
    if (this.#dueMs.size >= limit) return 'shed'
    // A clock that steps back must not break the order.
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs)
    this.#dueMs.set(user, this.#lastDueMs)
    return 'queued'
  }

  isDue(user: string, nowMs: number): boolean {
    const dueMs = this.#dueMs.get(user)
    return dueMs !== undefined && dueMs < nowMs
  }

  countDue(nowMs: number): number {
    let count = 0
    for (const dueMs of this.#dueMs.values()) {
      if (!(dueMs < nowMs)) break
      count++
    }
    return count
  }

  /** Takes out up to `limit` due users, in order. */
  takeDue(nowMs: number, limit: number): readonly Landing[] {
    const taken: Landing[] = []
    for (const [user, dueMs] of this.#dueMs) {
      if (!(dueMs < nowMs) || taken.length === limit) break
      taken.push({ user, atMs: dueMs })
    }
    for (const { user } of taken) this.#dueMs.delete(user)
    return taken
  }

  /** Takes out those of `users` that are due. */
  takeDueOf(users: readonly string[], nowMs: number): readonly Landing[] {
    const taken: Landing[] = []
    for (const user of users) {
      const dueMs = this.#dueMs.get(user)
      if (dueMs === undefined || !(dueMs < nowMs)) continue
      taken.push({ user, atMs: dueMs })
      this.#dueMs.delete(user)
    }
    return taken
  }

  clear(): void {
    this.#dueMs.clear()
  }
}

/** A user's refresh and the time as of which its features are read. */
export interface Landing {
  readonly user: string
  readonly atMs: number
}
