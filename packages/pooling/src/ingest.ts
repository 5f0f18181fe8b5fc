import type { FeatureSpace, LogEvent } from '@headwater/features'
import { type EmbeddingStore, type StateKind, type StateWrite, writeOutcome } from '@headwater/store'
import { ContentionError } from './errors.ts'

const maxAttempts = 100

/**
 * Applies events, in their order, to the states of their users and items, all of them in one atomic step. Where another
 * writer was faster it starts again from the states of that one. Events of a user who was forgotten at their time or later
 * are passed over.
 *
 * @throws EventError, StateError, with no state changed; ContentionError
 */
export async function ingestEvents(
  store: EmbeddingStore,
  space: FeatureSpace,
  events: readonly LogEvent[],
): Promise<void> {
  let wanted = events
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const users = distinct(wanted, (event) => event.user)
    const items = distinct(wanted, (event) => event.item)
    const [userStates, itemStates] = await Promise.all([
      readStates(store, 'user', users, () => space.newUserState()),
      readStates(store, 'item', items, () => space.newItemState()),
    ])
    for (const event of wanted) {
      space.update(userStates.get(event.user)!.state, itemStates.get(event.item)!.state, event)
    }
    const earliestMs = new Map<string, number>()
    for (const { user, timeMs } of wanted) earliestMs.set(user, Math.min(timeMs, earliestMs.get(user) ?? timeMs))
    const userWrites = [...userStates].map(([user, write]) => ({ ...write, featureTimeMs: earliestMs.get(user)! }))
    const [outcome] = await store.compareAndSetStates([[...userWrites, ...itemStates.values()]])
    if (outcome === writeOutcome.written) return
    if (outcome === writeOutcome.forgotten) wanted = await afterForgetting(store, users, wanted)
    if (wanted.length === 0) return
  }
  throw new ContentionError(
    `the states of ${events.length} events changed in each of ${maxAttempts} attempts; try again`,
  )
}

async function readStates(
  store: EmbeddingStore,
  kind: StateKind,
  keys: readonly string[],
  fresh: () => Uint8Array,
): Promise<ReadonlyMap<string, StateWrite>> {
  const { states, versions } = await store.readStates(kind, keys)
  return new Map(
    keys.map((key, i) => [key, { kind, key, expected: versions[i], state: states[i] ?? fresh() } satisfies StateWrite]),
  )
}

/** Events of users since they were forgotten. */
async function afterForgetting(
  store: EmbeddingStore,
  users: readonly string[],
  events: readonly LogEvent[],
): Promise<readonly LogEvent[]> {
  const times = await store.forgottenAtMs(users)
  const forgottenMs = new Map(users.map((user, i) => [user, times[i]]))
  return events.filter(({ user, timeMs }) => timeMs > forgottenMs.get(user)!)
}

function distinct(events: readonly LogEvent[], keyOf: (event: LogEvent) => string): readonly string[] {
  return events.length === 1 ? [keyOf(events[0])] : [...new Set(events.map(keyOf))]
}
