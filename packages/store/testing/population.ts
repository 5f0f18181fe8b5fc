/** Stores with some of everything in them, for tests of copies and backups. */
import type { Driver } from '../src/drivers/driver.ts'
import type { AppendPolicy } from '../src/index.ts'
import { EmbeddingStore } from '../src/operations/embedding-store.ts'
import { addressText } from '../src/record/record.ts'

const dim = 6
const policy: AppendPolicy = { slots: 3, count: 2, slot: 'snapshot' }

/** Keys that are short, long, or no ASCII. */
export function userKey(i: number): string {
  if (i % 7 === 3) return `ключ-${i}`
  if (i % 11 === 5) return `${i}-${'x'.repeat(500)}`
  return `user-${i}`
}

/**
 * Writes rings of two models, states, events and items of `users` users under a tenant. What a user gets follows from its
 * number; one in six has no ring of the second model, one in five no state, one in four no events.
 */
export async function populate(driver: Driver, users: number, tenant = 'default', timeMs = 1_000): Promise<void> {
  const store = new EmbeddingStore(driver, tenant)
  const all = Array.from({ length: users }, (_, i) => i)
  for (const snapshot of [1, 2]) await appendRings(store, 'm', all, snapshot, timeMs + snapshot)
  await appendRings(
    store,
    'other model',
    all.filter((i) => i % 6 !== 0),
    7,
    timeMs,
    { ...policy, codec: 'int8' },
  )
  const states = all.filter((i) => i % 5 !== 0)
  await store.compareAndSetStates(
    states.map((i) => [{ kind: 'user', key: userKey(i), expected: 0, state: Buffer.from(`state of ${i}`) }]),
  )
  await store.compareAndSetStates(
    all.map((i) => [{ kind: 'item', key: `item-${i}`, expected: 0, state: new Uint8Array(i % 9) }]),
  )
  const eventful = all.filter((i) => i % 4 !== 0)
  await store.appendEvents({
    users: eventful.map(userKey),
    eventIds: eventful.map((i) => `event-${i}`),
    timesMs: new Float64Array(eventful.length).fill(timeMs),
    payloads: eventful.map((i) => Buffer.from(`payload of ${userKey(i)}`)),
    writtenMs: timeMs,
  })
}

export async function appendRings(
  store: EmbeddingStore,
  model: string,
  users: readonly number[],
  snapshot: number,
  timeMs: number,
  ringPolicy = policy,
): Promise<void> {
  await store.append({
    model,
    dim,
    users: users.map(userKey),
    vectors: Float32Array.from({ length: users.length * dim }, (_, i) => Math.sin(i + snapshot)),
    snapshot,
    frame: 1,
    featureTimeMs: new Float64Array(users.length).fill(timeMs),
    writtenMs: timeMs,
    policy: ringPolicy,
  })
}

/** Every record of a driver in hexadecimal, by address. */
export async function contentsOf(driver: Driver): Promise<Map<string, string>> {
  const records: [string, string][] = []
  for await (const { record, ...address } of driver.records()) {
    records.push([addressText(address), Buffer.from(record).toString('hex')])
  }
  return new Map(records.sort(([a], [b]) => (a < b ? -1 : 1)))
}
