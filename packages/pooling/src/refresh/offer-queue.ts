import { OrderedSet } from '@js-sdsl/ordered-set'

/**
 * What asks for a refresh; of several the greatest counts. `news`: an event or features. `missed`: those for which a refresh
 * was shed or given up before.
 */
export const askedBy = { read: 0, news: 1, missed: 2 } as const
export type AskedBy = (typeof askedBy)[keyof typeof askedBy]

/** A user's refresh, from its offer until it is written. */
export interface Refresh {
  readonly user: string
  /** Due time: as of it the features are read. Milliseconds since 1970, as is `servedMs`. */
  readonly atMs: number
  /** Feature time of the embedding that is held, about; −Infinity where none is, or it is not known. */
  readonly servedMs: number
  /** Arrival of the first event, features or read that asked for it, by `performance.now()`; NaN where nobody did, or it is not known. */
  readonly askedMs: number
  readonly askedBy: AskedBy
  /** Failures so far. */
  readonly failures: number
}

/** `displaced`: it took the place of a user with a fresher embedding, who is shed. */
export type OfferOutcome = 'queued' | 'coalesced' | 'displaced' | 'shed'

interface Waiting {
  refresh: Refresh
  /** Number of the offer, so that equals keep their order. */
  readonly order: number
  isDue: boolean
}

/** The one that is due first comes first. */
const byDue = (a: Waiting, b: Waiting) => a.refresh.atMs - b.refresh.atMs || a.order - b.order
/** The one whose user is served the oldest comes first; of two strangers the one that is due first. */
const byServed = (a: Waiting, b: Waiting) => a.refresh.servedMs - b.refresh.servedMs || byDue(a, b)
const sortedBy = (compare: typeof byDue) => new OrderedSet<Waiting>([], compare)

/**
 * Refreshes that wait, one a user: first for their due time, then for their turn, those first whose users are served
 * the oldest embeddings. n of them; an operation takes O(log n).
 */
export class OfferQueue {
  readonly #byUser = new Map<string, Waiting>()
  /** Of those that are not due, as far as was looked. */
  readonly #pending = sortedBy(byDue)
  readonly #due = sortedBy(byServed)
  /** All of them, the freshest last. */
  readonly #all = sortedBy(byServed)
  #offers = 0

  get size(): number {
    return this.#byUser.size
  }

  /** Due time of one that is due, or else of the first that will be; undefined where none waits. */
  get nextDueMs(): number | undefined {
    return (this.#due.front() ?? this.#pending.front())?.refresh.atMs
  }

  /** The one that was offered first of those that wait. */
  get oldest(): Refresh | undefined {
    for (const { refresh } of this.#byUser.values()) return refresh
    return undefined
  }

  /** The one that the next better offer displaces where all places are taken; undefined where none waits. */
  get freshest(): Refresh | undefined {
    return this.#all.back()?.refresh
  }

  /** A waiting user keeps the refresh of the first offer, as of what came first; the later news is in by its due time. */
  offer(refresh: Refresh, limit: number): OfferOutcome {
    const before = this.#byUser.get(refresh.user)
    if (before !== undefined) {
      const isMore = refresh.askedMs < before.refresh.askedMs || refresh.askedBy > before.refresh.askedBy
      // Nothing is ordered by what asks.
      if (isMore) before.refresh = { ...before.refresh, ...askedByBoth(before.refresh, refresh) }
      return 'coalesced'
    }
    const isFull = this.size >= limit
    const freshest = this.#all.back()
    if (isFull && !(freshest !== undefined && refresh.servedMs < freshest.refresh.servedMs)) return 'shed'
    if (isFull) this.#remove(freshest!)
    const waiting = { refresh, order: this.#offers++, isDue: false }
    this.#byUser.set(refresh.user, waiting)
    this.#pending.insert(waiting)
    this.#all.insert(waiting)
    return isFull ? 'displaced' : 'queued'
  }

  /**
   * Lets the refresh that a user has waiting bring what an earlier one failed to: it takes that one's rank.
   * @returns whether one waits
   */
  join(failed: Refresh): boolean {
    const waiting = this.#byUser.get(failed.user)
    if (waiting === undefined) return false
    const { refresh } = waiting
    this.#unsort(waiting)
    waiting.refresh = {
      ...refresh,
      servedMs: Math.min(failed.servedMs, refresh.servedMs),
      ...askedByBoth(failed, refresh),
    }
    this.#queueOf(waiting).insert(waiting)
    this.#all.insert(waiting)
    return true
  }

  isDue(user: string, nowMs: number): boolean {
    const waiting = this.#byUser.get(user)
    return waiting !== undefined && waiting.refresh.atMs < nowMs
  }

  countDue(nowMs: number): number {
    this.#look(nowMs)
    return this.#due.size()
  }

  /** Takes out up to `limit` due refreshes, those of the users with the oldest embeddings. */
  takeDue(nowMs: number, limit: number): readonly Refresh[] {
    this.#look(nowMs)
    const taken: Refresh[] = []
    while (taken.length < limit && !this.#due.empty()) taken.push(this.#remove(this.#due.front()!))
    return taken
  }

  /** Takes out those of `users` that are due. */
  takeDueOf(users: readonly string[], nowMs: number): readonly Refresh[] {
    const taken: Refresh[] = []
    for (const user of users) if (this.isDue(user, nowMs)) taken.push(this.#remove(this.#byUser.get(user)!))
    return taken
  }

  /** @returns whether the user had a refresh waiting */
  drop(user: string): boolean {
    const waiting = this.#byUser.get(user)
    if (waiting !== undefined) this.#remove(waiting)
    return waiting !== undefined
  }

  clear(): void {
    this.#byUser.clear()
    for (const sorted of [this.#pending, this.#due, this.#all]) sorted.clear()
  }

  /** Lets those whose due time has passed wait for their turn. A clock that steps back leaves them due. */
  #look(nowMs: number): void {
    for (let next = this.#pending.front(); next && next.refresh.atMs < nowMs; next = this.#pending.front()) {
      this.#pending.eraseElementByKey(next)
      next.isDue = true
      this.#due.insert(next)
    }
  }

  #remove(waiting: Waiting): Refresh {
    const { refresh } = waiting
    this.#byUser.delete(refresh.user)
    this.#unsort(waiting)
    return refresh
  }

  #unsort(waiting: Waiting): void {
    this.#queueOf(waiting).eraseElementByKey(waiting)
    this.#all.eraseElementByKey(waiting)
  }

  #queueOf({ isDue }: Waiting): OrderedSet<Waiting> {
    return isDue ? this.#due : this.#pending
  }
}

/** The first arrival of both. */
function askedByBoth(a: Refresh, b: Refresh): Pick<Refresh, 'askedMs' | 'askedBy'> {
  return { askedMs: Math.min(a.askedMs, b.askedMs), askedBy: Math.max(a.askedBy, b.askedBy) as AskedBy }
}
