import type { SideBatch } from '../batch/batch.ts'
import { happened, type LogEvent } from '../events/event.ts'
import type { FeatureSpace } from '../space/feature-space.ts'

/** Rows of a batch with their labels. Shape letters: R rows, T tasks. */
export interface ReplayBatch {
  readonly user: SideBatch
  readonly item: SideBatch
  /** 0/1 [R, T] */
  readonly labels: Uint8Array
  /** [R, T]; 0 where the label is unknown. */
  readonly labelWeights: Float32Array
  /** [R], milliseconds since 1970. */
  readonly timeMs: Float64Array
}

/** The states of a replay would take more memory than allowed. */
export class ReplayMemoryError extends Error {
  override readonly name = 'ReplayMemoryError'
}

/**
 * Point-in-time replay of a log with all states in memory: rows are encoded from what was known strictly before them.
 * For each group of `groupsByTime`, encode all its events, then ingest the group.
 */
export class Replay {
  readonly space: FeatureSpace
  readonly #users = new Map<string, Uint8Array>()
  readonly #items = new Map<string, Uint8Array>()
  readonly #maxBytes: number
  readonly #newUser: Uint8Array
  readonly #newItem: Uint8Array
  #bytes = 0

  /** @param maxBytes limit on the bytes of all states together, 2 GiB by default */
  constructor(space: FeatureSpace, maxBytes = 2 ** 31) {
    this.space = space
    this.#maxBytes = maxBytes
    this.#newUser = space.newUserState()
    this.#newItem = space.newItemState()
  }

  /** The user's present state, to be read only. */
  userState(user: string): Uint8Array {
    return this.#users.get(user) ?? this.#newUser
  }

  /** The item's present state, to be read only. */
  itemState(item: string): Uint8Array {
    return this.#items.get(item) ?? this.#newItem
  }

  /** Encodes both sides, labels and time of an event into one row. @throws EventError, BatchError */
  encode(event: LogEvent, into: ReplayBatch, row: number): void {
    this.space.encodeUser(into.user, row, this.userState(event.user), event.timeMs)
    this.#encodeRest(event, into, row)
  }

  /** `encode`, but for the user's sequence, which stays as it is. @throws EventError, BatchError */
  encodeWithoutSequence(event: LogEvent, into: ReplayBatch, row: number): void {
    this.space.encodeUserWithoutSequence(into.user, row, this.userState(event.user), event.timeMs)
    this.#encodeRest(event, into, row)
  }

  #encodeRest(event: LogEvent, into: ReplayBatch, row: number): void {
    this.space.encodeItem(into.item, row, this.itemState(event.item), event)
    this.space.labels(event, into.labels, into.labelWeights, row * this.space.tasks.length)
    into.timeMs[row] = event.timeMs
  }

  /** Ingests events in the order given, but for negatives, which did not happen. @throws EventError, ReplayMemoryError */
  ingest(group: Iterable<LogEvent>): void {
    for (const event of group) {
      if (!happened(event)) continue
      const user = this.#users.get(event.user) ?? this.#create(this.#users, event.user, this.#newUser)
      const item = this.#items.get(event.item) ?? this.#create(this.#items, event.item, this.#newItem)
      this.space.update(user, item, event)
    }
  }

  #create(states: Map<string, Uint8Array>, key: string, empty: Uint8Array): Uint8Array {
    if (this.#bytes + empty.length > this.#maxBytes) {
      const held = `${this.#users.size} users and ${this.#items.size} items`
      throw new ReplayMemoryError(
        `states of ${held} fill the limit of ${this.#maxBytes} bytes; replay a shorter log or raise maxBytes`,
      )
    }
    this.#bytes += empty.length
    const state = empty.slice()
    states.set(key, state)
    return state
  }
}

/**
 * Splits events in their order into runs of equal time: the groups that are read before any of theirs is ingested.
 * A late event starts a group of its own.
 */
export function* groupsByTime(events: Iterable<LogEvent>): Generator<readonly LogEvent[], void, undefined> {
  let group: LogEvent[] = []
  for (const event of events) {
    if (group.length > 0 && group[0].timeMs !== event.timeMs) {
      yield group
      group = []
    }
    group.push(event)
  }
  if (group.length > 0) yield group
}
