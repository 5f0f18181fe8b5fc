import type { EmbeddingStore } from '@headwater/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLmdb } from '../../testing/lmdb-stores.ts'
import { constantEncoder, eventOf, heldEncoder, model, space } from '../../testing/towers.ts'
import { createPooling, RefreshError, servedStatus, startRefreshing } from '../index.ts'

describe('refreshing on the wall clock', () => {
  let store: EmbeddingStore
  beforeEach(async () => {
    store = await openLmdb()
  })
  afterEach(() => store.close())

  const create = () =>
    createPooling({ store, space, models: [model], clock: { now: Date.now }, refreshDelayMs: 0, batchSize: 4 })
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1))
  }

  it('lands refreshes by itself, in whole and part batches', async () => {
    const pooling = create()
    await pooling.publish('m', constantEncoder(1, 2))
    const refresher = startRefreshing(pooling)
    const users = Array.from({ length: 30 }, (_, i) => `u${i}`)
    for (const user of users) await pooling.ingest([eventOf(user, 'i', Date.now())])
    await until(() => pooling.counters.refreshes >= 30)
    expect([...(await pooling.read(users, ['m'])).models[0].status]).toEqual(users.map(() => servedStatus.fresh))
    await refresher.stop()
  })

  it('computes a batch once it is full, however long a part of one would wait', async () => {
    const pooling = create()
    await pooling.publish('m', constantEncoder(1, 2))
    const refresher = startRefreshing(pooling, { maxWaitMs: 600_000 })
    const batch = ['a', 'b', 'c', 'd']
    for (const user of batch) await pooling.ingest([eventOf(user, 'i', Date.now())])
    // A refresh is due in the millisecond after its offer, and the next offer sees that.
    await new Promise((resolve) => setTimeout(resolve, 3))
    pooling.offer('e')
    await until(() => pooling.counters.refreshes >= batch.length)
    await refresher.stop()
    expect([...(await pooling.read(batch, ['m'])).models[0].status]).toEqual(batch.map(() => servedStatus.fresh))
  })

  it('sends a whole batch on its way behind the one that is encoded, and a part of one once the encoder is free', async () => {
    const pooling = create()
    const held = heldEncoder(1, 3)
    const encoded: (readonly string[])[] = []
    await pooling.publish('m', {
      ...held.encoder,
      encode: (batch, users) => {
        encoded.push(users)
        return held.encoder.encode(batch, users)
      },
    })
    const named = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i}`)
    const offer = async (users: readonly string[]) => {
      const nowMs = Date.now()
      await pooling.ingest(users.map((user) => eventOf(user, 'i', nowMs)))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const refresher = startRefreshing(pooling)
    await offer(named('a', 4))
    await held.called()
    await offer(named('b', 4))
    // The next offer tells that a whole batch is due. A user without a state is passed over, having taken a place in one.
    pooling.offer('stranger')
    await until(() => pooling.waiting === 1)
    await offer(named('c', 3))
    pooling.offer('other stranger')
    await offer([])
    // The second's rows are made; the third waits in the queue, where others may still come before its users.
    expect([pooling.waiting, encoded.length]).toEqual([5, 1])
    held.release()
    await until(() => encoded.length === 2 && pooling.waiting === 1)
    await offer(['d'])
    held.release()
    await until(() => encoded.length === 3)
    await offer(['e'])
    expect(pooling.waiting).toBe(3)
    // Free, though what it gave is not written.
    let land = () => {}
    const waited = new Promise<void>((resolve) => {
      land = resolve
    })
    const append = store.append.bind(store)
    store.append = async (batch) => {
      await waited
      return append(batch)
    }
    held.release()
    await until(() => encoded.length === 4)
    expect(encoded).toEqual([named('a', 4), named('b', 4), named('c', 3), ['d', 'e']])
    expect(pooling.counters.refreshes).toBe(8)
    land()
    held.release()
    await until(() => pooling.counters.refreshes === 13)
    await refresher.stop()
  })

  it('lets a part of a batch wait for others while the encoder has nothing to do, however long ago it did', async () => {
    const pooling = create()
    await pooling.publish('m', constantEncoder(1, 2))
    const refresher = startRefreshing(pooling, { maxWaitMs: 600_000 })
    await pooling.ingest([eventOf('a', 'i', Date.now())])
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect([pooling.waiting, pooling.due]).toEqual([1, 1])
    await refresher.stop()
  })

  it('counts and tells of failures, and recovers with the next snapshot', async () => {
    const pooling = create()
    const errors: unknown[] = []
    const refresher = startRefreshing(pooling, { onError: (error) => errors.push(error) })
    const failing = { ...constantEncoder(1, 1), encode: () => Promise.reject(new Error('device lost')) }
    await pooling.publish('m', failing)
    await pooling.ingest([eventOf('a', 'i', Date.now())])
    await until(() => refresher.errors === 1)
    expect(errors[0]).toBeInstanceOf(RefreshError)
    expect(String(errors[0])).toContain('device lost')
    await pooling.publish('m', constantEncoder(2, 4))
    pooling.offer('a')
    await until(() => pooling.counters.refreshes === 1)
    expect((await pooling.read(['a'], ['m'])).models[0].vectors[0]).toBe(4)
    await refresher.stop()
  })

  it('stops only when the batch under way is written, and reads meanwhile', async () => {
    const pooling = create()
    const held = heldEncoder(1, 3)
    await pooling.publish('m', held.encoder)
    const refresher = startRefreshing(pooling)
    await pooling.ingest([eventOf('a', 'i', Date.now())])
    await held.called()
    let stopped = false
    const stopping = refresher.stop().then(() => {
      stopped = true
    })
    expect((await pooling.read(['a'], ['m'])).models[0].status[0]).toBe(servedStatus.default)
    expect(stopped).toBe(false)
    held.release()
    await stopping
    expect((await pooling.read(['a'], ['m'])).models[0].vectors[0]).toBe(3)
    pooling.offer('a')
    expect(pooling.waiting).toBe(1)
  })
})
