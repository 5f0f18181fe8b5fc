import type { FeatureSpace, LogEvent } from '@headwater/features'
import { type EmbeddingStore, StoreUnavailableError, StoreWriteError, writeOutcome } from '@headwater/store'
import { ContentionError } from '../contracts/errors.ts'
import { type IngestState, itemEventId, itemStateOf, storedState } from './ingest-state.ts'

/** An event that its user has, and its item may lack. */
export interface LateEvent {
  readonly event: LogEvent
  readonly id: string
  /** Whether the item was perhaps written with it. */
  readonly mayBeIn: boolean
}

/** Of one part of the store. */
interface Behind {
  events: LateEvent[]
  /** Writes that were sent and are not answered. */
  underWay: number
  draining: Promise<void> | null
}

/** How long an ingest waits for the items of one part of the store before it goes on without them. */
const patienceMs = 250
const mostEvents = 100_000
const mostAtOnce = 256
const mostAttempts = 20
const pauseMs = { first: 100, most: 1_000 }

/**
 * Items' shares of events whose users have them, while the part of the store that has the items takes no writes: an item is
 * many users', and they are not to wait for it. Each part's go in their order. They are in this process's memory alone.
 */
export class LateItems {
  readonly #store: EmbeddingStore
  readonly #space: FeatureSpace
  readonly #parts = new Map<string, Behind>()
  #size = 0
  #dropped = 0
  #closed = false

  constructor(store: EmbeddingStore, space: FeatureSpace) {
    this.#store = store
    this.#space = space
  }

  /** Events that wait. */
  get size(): number {
    return this.#size
  }

  /** Events given up, as too many waited, their items' states were no states, or this ended first. */
  get dropped(): number {
    return this.#dropped
  }

  /** Whether a part is behind, so that what comes for it has to wait for its turn. */
  isBehind(part: string): boolean {
    return this.#parts.has(part)
  }

  /**
   * Waits a moment for a write of items of a part; where it fails or takes longer, their events wait here.
   *
   * @param groups [G] of events, by the group of the write
   * @returns [G] outcomes; null where the events wait here
   * @throws what the write throws but for StoreUnavailableError and StoreWriteError
   */
  async written(
    part: string,
    groups: readonly (readonly LateEvent[])[],
    writing: Promise<Uint8Array>,
  ): Promise<Uint8Array | null> {
    const all = groups.flat()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), patienceMs)
    })
    try {
      const outcomes = await Promise.race([writing, late])
      if (outcomes !== 'late') return outcomes
      const behind = this.#behind(part)
      behind.underWay++
      void writing
        .then(
          (ended) => groups.filter((_, i) => ended[i] !== writeOutcome.written).flat(),
          (error: unknown) => withDoubt(all, error),
        )
        .then((left) => {
          behind.underWay--
          this.add(part, left)
        })
    } catch (error) {
      if (!(error instanceof StoreUnavailableError || error instanceof StoreWriteError)) throw error
      this.add(part, withDoubt(all, error))
    } finally {
      clearTimeout(timer)
    }
    return null
  }

  add(part: string, events: readonly LateEvent[]): void {
    const behind = this.#behind(part)
    const room = Math.max(0, this.#closed ? 0 : mostEvents - this.#size)
    behind.events.push(...events.slice(0, room))
    this.#size += Math.min(events.length, room)
    this.#dropped += Math.max(0, events.length - room)
    this.#start(part, behind)
  }

  /** Leaves out what waits of a user. */
  forget(user: string): void {
    for (const behind of this.#parts.values()) this.#keep(behind, ({ event }) => event.user !== user)
  }

  /** Tries all once more. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#parts.values()].map(({ draining }) => draining))
    this.#dropped += this.#size
    this.#size = 0
  }

  #behind(part: string): Behind {
    const behind = this.#parts.get(part) ?? { events: [], underWay: 0, draining: null }
    this.#parts.set(part, behind)
    return behind
  }

  #start(part: string, behind: Behind): void {
    behind.draining ??= this.#drain(behind).finally(() => {
      behind.draining = null
      if (behind.events.length > 0 && !this.#closed) this.#start(part, behind)
      else if (behind.underWay === 0) this.#parts.delete(part)
    })
  }

  async #drain(behind: Behind): Promise<void> {
    let waitMs = pauseMs.first
    while (behind.events.length > 0) {
      const some = behind.events.slice(0, mostAtOnce)
      const isLast = this.#closed
      try {
        await this.#apply(some)
        waitMs = pauseMs.first
      } catch (error) {
        const mayHelp =
          error instanceof StoreUnavailableError || error instanceof StoreWriteError || error instanceof ContentionError
        if (isLast) break
        if (mayHelp) {
          await new Promise((resolve) => setTimeout(resolve, waitMs))
          waitMs = Math.min(2 * waitMs, pauseMs.most)
          continue
        }
        this.#dropped += some.length
      }
      const done = new Set(some)
      this.#keep(behind, (each) => !done.has(each))
    }
  }

  #keep(behind: Behind, isKept: (each: LateEvent) => boolean): void {
    const kept = behind.events.filter(isKept)
    this.#size -= behind.events.length - kept.length
    behind.events = kept
  }

  async #apply(late: readonly LateEvent[]): Promise<void> {
    const store = this.#store
    let left = late
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const keys = [...new Set(left.map(({ event }) => event.item))]
      const { states, versions } = await store.readStates('item', keys)
      const items = keys.map((key, i) => ({ key, expected: versions[i], ...itemStateOf(this.#space, states[i]) }))
      const itemOf = new Map(items.map((item) => [item.key, item]))
      const changed = new Set(left.filter((each) => this.#change(itemOf.get(each.event.item)!, each)))
      const writes = items.filter(({ key }) => [...changed].some(({ event }) => event.item === key))
      if (writes.length === 0) return
      const outcomes = await store.compareAndSetStates(
        writes.map((item) => [{ kind: 'item', key: item.key, expected: item.expected, state: storedState(item) }]),
      )
      const moved = new Set(writes.flatMap(({ key }, i) => (outcomes[i] === writeOutcome.written ? [] : [key])))
      left = left.filter(({ event }) => moved.has(event.item))
      if (left.length === 0) return
    }
    throw new ContentionError(`the states of ${left.length} events' items changed in each of ${mostAttempts} attempts`)
  }

  /** @returns whether the item lacked the event */
  #change({ features, ids }: IngestState, { event, id, mayBeIn }: LateEvent): boolean {
    const itemId = itemEventId(event.user, id)
    if (ids.has(itemId) || (mayBeIn && ids.isFull)) return false
    this.#space.update(this.#space.newUserState(), features, event)
    ids.add(itemId)
    return true
  }
}

/** Events of a write that failed: those of one that may have happened may be in their items. */
function withDoubt(events: readonly LateEvent[], error: unknown): readonly LateEvent[] {
  return error instanceof StoreUnavailableError ? events : events.map((each) => ({ ...each, mayBeIn: true }))
}
