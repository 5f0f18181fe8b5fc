import { createRowWorkers } from '@headwater/features/workers'
import type { EmbeddingStore } from '@headwater/store'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openLmdb } from '../../testing/lmdb-stores.ts'
import { encoderOf, eventOf, model, space, startMs } from '../../testing/towers.ts'
import { createPooling, RefreshError, servedStatus } from '../index.ts'

let store: EmbeddingStore
const clock = { nowMs: startMs, now: () => clock.nowMs }
beforeEach(async () => {
  store = await openLmdb()
  clock.nowMs = startMs
})
afterEach(() => store.close())

const users = Array.from({ length: 11 }, (_, i) => `u${i}`)
const ingested = async (options: Partial<Parameters<typeof createPooling>[0]> = {}) => {
  const pooling = createPooling({ store, space, models: [model], clock, batchSize: 4, ...options })
  await pooling.publish('m', encoderOf(1))
  await pooling.ingest(users.map((user, i) => eventOf(user, 'i', startMs + i)))
  clock.nowMs = startMs + 10_000
  return pooling
}

it('serves the same bits from rows that workers made', async () => {
  const workers = createRowWorkers({ schema: space.schema, workers: 2, batchRows: 4 })
  try {
    const pooling = await ingested({ rowEncoder: workers })
    await pooling.drain()
    const [apart] = (await pooling.read(users, ['m'])).models
    expect([...apart.status]).toEqual(users.map(() => servedStatus.fresh))
    await store.close()
    store = await openLmdb()
    clock.nowMs = startMs
    const own = await ingested()
    await own.drain()
    const [here] = (await own.read(users, ['m'])).models
    expect([...apart.vectors]).toEqual([...here.vectors])
  } finally {
    await workers.close()
  }
})

it('leaves out a user whose state cannot be read, and no other', async () => {
  const pooling = await ingested()
  const { versions } = await store.readStates('user', ['u5'])
  await store.compareAndSetStates([[{ kind: 'user', key: 'u5', expected: versions[0], state: new Uint8Array(3) }]])
  await expect(pooling.drain()).rejects.toThrow(RefreshError)
  const [served] = (await pooling.read(users, ['m'])).models
  expect([...served.status]).toEqual(users.map((user) => (user === 'u5' ? servedStatus.default : servedStatus.fresh)))
  expect(pooling.counters).toMatchObject({ refreshes: 10, failed: 1 })
})
