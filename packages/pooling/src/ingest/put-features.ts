import type { FeatureSpace, FieldValue } from '@headwater/features'
import { type EmbeddingStore, writeOutcome } from '@headwater/store'
import { ContentionError } from '../contracts/errors.ts'
import { maxAttempts } from './ingest.ts'
import { storedState, userStateOf } from './ingest-state.ts'

/**
 * Sets fields of a user in their state, without an event.
 *
 * @returns time of the user's newest event, −Infinity where there is none; undefined where the user was forgotten at `atMs`
 *   or later, so that nothing is set
 * @throws EventError, of row 0, which names the field; StateError, ContentionError
 */
export async function putUserFeatures(
  store: EmbeddingStore,
  space: FeatureSpace,
  user: string,
  values: Readonly<Record<string, FieldValue>>,
  atMs: number,
): Promise<number | undefined> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const { states, versions } = await store.readStates('user', [user])
    const state = userStateOf(space, states[0])
    space.putFields(state.features, values, atMs)
    const write = {
      kind: 'user',
      key: user,
      expected: versions[0],
      state: storedState(state),
      featureTimeMs: atMs,
    } as const
    const [outcome] = await store.compareAndSetStates([[write]])
    if (outcome === writeOutcome.forgotten) return undefined
    if (outcome === writeOutcome.written) {
      return space.userHistory(state.features).lastEventMs ?? Number.NEGATIVE_INFINITY
    }
  }
  throw new ContentionError(`the state of one user changed in each of ${maxAttempts} attempts; try again`)
}
