import type { FeatureSpace, LogEvent } from '@headwater/features'
import type { EmbeddingStore, StateKind, StateWrite } from '@headwater/store'
import { ContentionError } from './errors.ts'

const maxAttempts = 100

/**
 * Applies events, in their order, to the states of their users and items, all of them in one atomic step. Where another
 * writer was faster it starts again from the states of that one.
 *
 * @throws EventError, StateError, with no state changed; ContentionError
 */
export async function ingestEvents(
  store: EmbeddingStore,
  space: FeatureSpace,
  events: readonly LogEvent[],
): Promise<void> {
  const users = distinct(events, (event) => event.user)
  const items = distinct(events, (event) => event.item)
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const [userStates, itemStates] = await Promise.all([
      readStates(store, 'user', users, () => space.newUserState()),
      readStates(store, 'item', items, () => space.newItemState()),
    ])
    for (const event of events) {
      space.update(userStates.get(event.user)!.state, itemStates.get(event.item)!.state, event)
    }
    const [done] = await store.compareAndSetStates([[...userStates.values(), ...itemStates.values()]])
    if (done === 1) return
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

function distinct(events: readonly LogEvent[], keyOf: (event: LogEvent) => string): readonly string[] {
  return events.length === 1 ? [keyOf(events[0])] : [...new Set(events.map(keyOf))]
}
