import { openStore } from '@headwater/store'

const dim = 8

/** A store of `users` users, 0 … behind a prefix, with rings of model `sum`, states and events, at an LMDB path. */
export async function makeStore(path: string, users: number, prefix = 'u'): Promise<void> {
  const store = await openStore(`lmdb:${path}`)
  const keys = Array.from({ length: users }, (_, i) => `${prefix}${i}`)
  const times = new Float64Array(users).fill(1_000)
  for (const snapshot of [1, 2]) {
    await store.append({
      model: 'sum',
      dim,
      users: keys,
      vectors: new Float32Array(users * dim).fill(snapshot),
      snapshot,
      frame: 1,
      featureTimeMs: times,
      writtenMs: 2_000,
      policy: { slots: 3, count: 3, slot: 'snapshot' },
    })
  }
  const state = Uint8Array.of(1, 2, 3)
  await store.compareAndSetStates(keys.map((key) => [{ kind: 'user', key, expected: 0, state }]))
  await store.compareAndSetStates([[{ kind: 'item', key: 'i', expected: 0, state }]])
  await store.appendEvents({
    users: keys,
    eventIds: keys,
    timesMs: times,
    payloads: keys.map(() => state),
    writtenMs: 2_000,
  })
  await store.close()
}
