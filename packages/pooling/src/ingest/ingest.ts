import { randomUUID } from 'node:crypto'
import type { FeatureSpace, LogEvent } from '@headwater/features'
import { type EmbeddingStore, type StateKind, type StateWrite, writeOutcome } from '@headwater/store'
import { ContentionError } from '../contracts/errors.ts'
import type { EventLog } from '../contracts/event-log.ts'
import { type IngestState, itemEventId, itemStateOf, storedState, userStateOf } from './ingest-state.ts'
import type { LateEvent, LateItems } from './late-items.ts'
import { sinceForgetting } from './since-forgetting.ts'

export const maxAttempts = 100

export interface Ingested {
  /** Those that changed their user, in their order. */
  readonly applied: readonly LogEvent[]
  /** Those whose user's state held their id already. */
  readonly repeated: number
  /** By user of an applied event: time of the newest event before, −Infinity where there was none. */
  readonly lastEventMs: ReadonlyMap<string, number>
}

interface Work {
  readonly event: LogEvent
  readonly id: string | undefined
  logged: boolean
  /** In a write that was acknowledged. */
  isInUser: boolean
  /** Its item is left as it is here: it has the event later. */
  isLate: boolean
}

/** A state with what is to be written of it. */
interface Working extends IngestState {
  readonly kind: StateKind
  readonly key: string
  readonly expected: number
  /** Nobody gave it in time. */
  readonly isMissing: boolean
  /** Earliest of the events that changed it. */
  featureTimeMs: number
}

/**
 * Applies events, in their order, to the states of their users and items. Where another writer was faster it starts again
 * from the states of that one. Events of a user who was forgotten at their time or later are passed over, as are those
 * whose id the user's state holds.
 *
 * Over a store whose atomicity is `store` all of it is one step. Over one of keys, users are written first, with the
 * residuals of their items as those were, then items. Both keep ids, so a call that was cut off between the two is mended by
 * the same events once more. An item that has had more events since than it keeps ids is taken to have them.
 *
 * @param log is given what is new before any of it is applied
 * @param late takes what items cannot be given now, over a store of keys, so that users do not wait for other parts of it;
 *   null: an item that cannot be written fails the call
 * @throws EventError, StateError, what the log throws, with no state changed; ContentionError
 */
export async function ingestEvents(
  store: EmbeddingStore,
  space: FeatureSpace,
  events: readonly LogEvent[],
  log: EventLog | null = null,
  late: LateItems | null = null,
): Promise<Ingested> {
  const isByKey = store.atomicity === 'key'
  let wanted: readonly Work[] = events.map((event) => {
    // An id of its own tells whether an event without one is in a state that another writer has changed meanwhile.
    const id = event.id ?? (isByKey ? randomUUID() : undefined)
    return { event, id, logged: false, isInUser: false, isLate: false }
  })
  // Neither a log nor another user's residual is to know them, and both are written before a state is refused.
  if (log !== null || isByKey) wanted = await afterForgetting(store, wanted)
  const lastEventMs = new Map<string, number>()
  /** What waits for its user to be written, and goes to the items later. */
  const putOff: { work: Work; part: string; event: LateEvent }[] = []
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const [users, items] = await Promise.all([
      readStates(store, 'user', wanted, (state) => userStateOf(space, state)),
      readStates(store, 'item', wanted, (state) => itemStateOf(space, state), isByKey && late !== null),
    ])
    if (isByKey && late !== null) {
      for (const work of wanted) {
        const { event, id } = work
        const part = store.partOf(event.item)
        if (work.isLate || !(items.get(event.item)!.isMissing || late.isBehind(part))) continue
        work.isLate = true
        const mayBeIn = users.get(event.user)!.ids.has(id!)
        putOff.push({ work, part, event: { event, id: id!, mayBeIn } })
      }
    }
    for (const { key, features } of users.values()) {
      if (!lastEventMs.has(key))
        lastEventMs.set(key, space.userHistory(features).lastEventMs ?? Number.NEGATIVE_INFINITY)
    }
    const apply = isByKey ? applyByKey : applyWhole
    const applied = wanted.filter((work) =>
      apply(space, users.get(work.event.user)!, items.get(work.event.item)!, work),
    )
    const unlogged = log === null ? [] : applied.filter(({ logged }) => !logged)
    if (log !== null && unlogged.length > 0) {
      await log.append(
        unlogged.map(({ event }) => event),
        (users) => store.forgottenAtMs(users),
      )
      for (const work of unlogged) work.logged = true
    }
    const outcomes = isByKey
      ? await writeByKey(store, users, items, applied, late)
      : await writeWhole(store, users, items)
    if (outcomes.every((outcome) => outcome === writeOutcome.written)) {
      for (const work of applied) work.isInUser = true
      for (const { work, part, event } of putOff) if (wanted.includes(work)) late?.add(part, [event])
      const inUser = wanted.filter((work) => work.isInUser)
      return { applied: inUser.map(({ event }) => event), repeated: wanted.length - inUser.length, lastEventMs }
    }
    if (outcomes.includes(writeOutcome.forgotten)) wanted = await afterForgetting(store, wanted)
  }
  throw new ContentionError(
    `the states of ${events.length} events changed in each of ${maxAttempts} attempts; try again`,
  )
}

/** @returns whether the event changed its user */
function applyWhole(space: FeatureSpace, user: Working, item: Working, { event, id }: Work): boolean {
  if (id !== undefined && user.ids.has(id)) return false
  space.update(user.features, item.features, event)
  if (id !== undefined) user.ids.add(id)
  note(user, event)
  note(item, event)
  return true
}

/** The same where either side may have the event while the other lacks it. */
function applyByKey(space: FeatureSpace, user: Working, item: Working, work: Work): boolean {
  const { event } = work
  const id = work.id!
  const itemId = itemEventId(event.user, id)
  const isInUser = user.ids.has(id)
  const isInItem = work.isLate || item.ids.has(itemId) || (isInUser && !work.isInUser && item.ids.isFull)
  if (isInUser && isInItem) return false
  const userFeatures = isInUser ? space.newUserState() : user.features
  const itemFeatures = isInItem ? item.features.slice() : item.features
  space.update(userFeatures, itemFeatures, event)
  if (!isInItem) {
    item.ids.add(itemId)
    note(item, event)
  }
  if (isInUser) return false
  user.ids.add(id)
  note(user, event)
  return true
}

function note(state: Working, { timeMs }: LogEvent): void {
  state.featureTimeMs = Math.min(state.featureTimeMs, timeMs)
}

type States = ReadonlyMap<string, Working>

async function writeWhole(store: EmbeddingStore, users: States, items: States): Promise<Uint8Array> {
  const group = [...writesOf(users), ...writesOf(items)]
  return group.length === 0 ? new Uint8Array() : store.compareAndSetStates([group])
}

/** Items only once all users are written: an item's state has the events of them all. */
async function writeByKey(
  store: EmbeddingStore,
  users: States,
  items: States,
  applied: readonly Work[],
  late: LateItems | null,
): Promise<Uint8Array> {
  const userWrites = writesOf(users)
  const outcomes = userWrites.length === 0 ? new Uint8Array() : await store.compareAndSetStates(singly(userWrites))
  const written = new Set(userWrites.flatMap(({ key }, i) => (outcomes[i] === writeOutcome.written ? [key] : [])))
  for (const work of applied) if (written.has(work.event.user)) work.isInUser = true
  const itemWrites = writesOf(items)
  if (written.size < userWrites.length || itemWrites.length === 0) return outcomes
  return late === null ? store.compareAndSetStates(singly(itemWrites)) : writeItems(store, itemWrites, applied, late)
}

/** Each part of the store by itself, so that one that is silent keeps no other's items from being written. */
async function writeItems(
  store: EmbeddingStore,
  writes: readonly StateWrite[],
  applied: readonly Work[],
  late: LateItems,
): Promise<Uint8Array> {
  const writesOfPart = new Map<string, StateWrite[]>()
  for (const write of writes) {
    const part = store.partOf(write.key)
    const before = writesOfPart.get(part)
    if (before === undefined) writesOfPart.set(part, [write])
    else before.push(write)
  }
  const outcomes = await Promise.all(
    Array.from(writesOfPart, async ([part, own]) => {
      const works = own.map(({ key }) => applied.filter(({ event, isLate }) => event.item === key && !isLate))
      const events = works.map((some) => some.map(({ event, id }) => ({ event, id: id!, mayBeIn: false })))
      const written = await late.written(part, events, store.compareAndSetStates(singly(own)))
      if (written === null) for (const work of works.flat()) work.isLate = true
      return written ?? []
    }),
  )
  return Uint8Array.from(outcomes.flatMap((each) => [...each]))
}

const singly = (writes: readonly StateWrite[]) => writes.map((write) => [write])

/** Of the states that changed. */
function writesOf(states: States): readonly StateWrite[] {
  return [...states.values()]
    .filter(({ featureTimeMs }) => featureTimeMs < Number.POSITIVE_INFINITY)
    .map((state): StateWrite => {
      const { kind, key, expected, featureTimeMs } = state
      return { kind, key, expected, state: storedState(state), ...(kind === 'user' && { featureTimeMs }) }
    })
}

async function readStates(
  store: EmbeddingStore,
  kind: StateKind,
  wanted: readonly Work[],
  parse: (stored: Uint8Array | undefined) => IngestState,
  mayMiss = false,
): Promise<States> {
  const keys = [...new Set(wanted.map(({ event }) => event[kind]))]
  const { states, versions, missing } = await store.readStates(kind, keys, mayMiss ? 'old' : undefined)
  const featureTimeMs = Number.POSITIVE_INFINITY
  return new Map(
    keys.map((key, i) => {
      const isMissing = mayMiss && missing.has(i)
      return [key, { kind, key, expected: versions[i], isMissing, featureTimeMs, ...parse(states[i]) }]
    }),
  )
}

/** Events of users since they were forgotten. */
async function afterForgetting(store: EmbeddingStore, wanted: readonly Work[]): Promise<readonly Work[]> {
  const since = await sinceForgetting(
    wanted.map(({ event }) => event),
    (users) => store.forgottenAtMs(users),
  )
  return wanted.filter((_, i) => since[i])
}
