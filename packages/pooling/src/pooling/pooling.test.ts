import type { EmbeddingStore } from '@headwater/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLmdb } from '../../testing/lmdb-stores.ts'
import {
  constantEncoder,
  dim,
  embed,
  encoderOf,
  eventOf,
  heldEncoder,
  model,
  policy,
  space,
  startMs,
} from '../../testing/towers.ts'
import {
  AsOfError,
  assertAsOf,
  createPooling,
  type Encoder,
  PoolingConfigError,
  PoolingError,
  type PoolingOptions,
  RefreshError,
  type ServedBatch,
  servedStatus,
  UnknownModelError,
} from '../index.ts'

describe('pooling over LMDB', () => {
  let store: EmbeddingStore
  const clock = { nowMs: startMs, now: () => clock.nowMs }
  beforeEach(async () => {
    store = await openLmdb()
    clock.nowMs = startMs
  })
  afterEach(() => store.close())

  const create = (options: Partial<PoolingOptions> = {}) =>
    createPooling({ store, space, models: [model], clock, ...options })
  const ingestAt = async (pooling: ReturnType<typeof create>, users: readonly string[], timeMs: number) => {
    clock.nowMs = timeMs
    await pooling.ingest(users.map((user) => eventOf(user, 'i', timeMs)))
  }
  const drainAt = (pooling: ReturnType<typeof create>, timeMs: number) => {
    clock.nowMs = timeMs
    return pooling.drain()
  }
  const only = (served: ServedBatch) => served.models[0]

  it('serves the default vector to users of whom nothing is held, and flags it', async () => {
    const pooling = create()
    const served = only(await pooling.read(['a', 'b'], ['m'], { latest: true }))
    expect([...served.vectors]).toEqual([9, 8, 7, 6, 9, 8, 7, 6])
    expect([...served.latest!]).toEqual([9, 8, 7, 6, 9, 8, 7, 6])
    expect([...served.status]).toEqual([servedStatus.default, servedStatus.default])
    expect([...served.ageMs]).toEqual([Number.NaN, Number.NaN])
    expect(pooling.counters).toMatchObject({ reads: 2, hits: 0, default: 2 })
  })

  it('asks the store once for all models of a read', async () => {
    const models = ['m', 'n', 'o'].map((name) => ({ ...model, name }))
    const pooling = create({ models })
    const read = store.read.bind(store)
    let trips = 0
    store.read = (...asked) => {
      trips++
      return read(...asked)
    }
    const served = await pooling.read(['a', 'b'], ['o', 'm', 'n'])
    expect([trips, served.models.map((columns) => columns.model)]).toEqual([1, ['o', 'm', 'n']])
  })

  it('lands a refresh after its delay, of features as of that time', async () => {
    const pooling = create({ refreshDelayMs: 1_000 })
    await pooling.publish('m', encoderOf(1))
    await ingestAt(pooling, ['a'], startMs + 10)
    await drainAt(pooling, startMs + 1_010)
    expect(only(await pooling.read(['a'], ['m'])).status[0]).toBe(servedStatus.default)
    await drainAt(pooling, startMs + 1_500)
    const served = only(await pooling.read(['a'], ['m']))
    expect([served.featureTimeMs[0], served.ageMs[0], served.snapshot[0]]).toEqual([startMs + 1_010, 490, 1])

    const batch = space.allocate('user', 1)
    const { states } = await store.readStates('user', ['a'])
    space.encodeUser(batch, 0, states[0]!, startMs + 1_010)
    for (const [d, value] of embed(batch, 0, 1).entries()) {
      expect(Math.abs(served.vectors[d] - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11 + 2 ** -25)
    }
  })

  it('averages the last three snapshots of one frame, and nothing across frames', async () => {
    const pooling = create()
    const pooledAfter = async (encoder: Encoder, step: number) => {
      await pooling.publish('m', encoder)
      await pooling.backfill(['a'], startMs + step)
      clock.nowMs = startMs + step + 1
      const served = only(await pooling.read(['a'], ['m'], { latest: true }))
      return [served.vectors[0], served.latest![0], served.frame[0]]
    }
    await ingestAt(pooling, ['a'], startMs)
    expect(await pooledAfter(constantEncoder(1, 1), 10)).toEqual([1, 1, 0])
    expect(await pooledAfter(constantEncoder(2, 2), 20)).toEqual([1.5, 2, 0])
    expect(await pooledAfter(constantEncoder(3, 6), 30)).toEqual([3, 6, 0])
    expect(await pooledAfter(constantEncoder(4, 7), 40)).toEqual([5, 7, 0])
    expect(await pooledAfter(constantEncoder(5, 20, 1), 50)).toEqual([20, 20, 1])
    expect(await pooledAfter(constantEncoder(6, 30, 1), 60)).toEqual([25, 30, 1])
  })

  it('keeps one slot a snapshot, or one a refresh, as the policy says', async () => {
    for (const [slot, pooled] of [
      ['snapshot', 3],
      ['refresh', 2],
    ] as const) {
      const models = [{ name: slot, dim, policy: { count: 3, slot } }]
      const pooling = create({ models })
      await ingestAt(pooling, ['a'], startMs)
      for (const value of [1, 2, 3]) {
        await pooling.publish(slot, constantEncoder(1, value))
        await pooling.backfill(['a'], startMs + value)
      }
      expect(only(await pooling.read(['a'], [slot])).vectors[0]).toBe(pooled)
    }
  })

  it('weighs the embeddings that it averages, those that there are', async () => {
    const weights = [0.5, 0.3, 0.1]
    const models = [{ name: 'm', dim, policy: { count: 3, slot: 'refresh', weights } as const }]
    const pooling = create({ models })
    await ingestAt(pooling, ['a'], startMs)
    const values = [3, -5, 0.7, 11]
    for (const [n, value] of values.entries()) {
      await pooling.publish('m', constantEncoder(1, value))
      await pooling.backfill(['a'], startMs + n)
      let [sum, total] = [0, 0]
      for (let age = 0; age < Math.min(3, n + 1); age++) {
        sum += weights[age] * values[n - age]
        total += weights[age]
      }
      expect(only(await pooling.read(['a'], ['m'])).vectors[0]).toBeCloseTo(sum / total, 2)
    }
    for (const bad of [[1, 2], [1, 2, -3], []]) {
      const changed = { ...models[0], policy: { ...models[0].policy, weights: bad } }
      expect(() => create({ models: [changed] })).toThrow(/model "m": policy.weights/)
    }
  })

  it('flags what is stale and does not serve what has outlived its time', async () => {
    const pooling = create({
      models: [{ ...model, policy: { ...policy, maxAgeMs: 100, timeToLiveMs: 1_000 } }],
    })
    await pooling.publish('m', constantEncoder(1, 5))
    await ingestAt(pooling, ['a'], startMs)
    await pooling.backfill(['a'], startMs)
    const statusAt = async (timeMs: number) => {
      clock.nowMs = startMs + timeMs
      const served = only(await pooling.read(['a'], ['m']))
      return [served.status[0], served.vectors[0]]
    }
    expect(await statusAt(100)).toEqual([servedStatus.fresh, 5])
    expect(await statusAt(101)).toEqual([servedStatus.stale, 5])
    expect(await statusAt(1_001)).toEqual([servedStatus.default, 9])
    expect(pooling.counters).toMatchObject({ reads: 3, hits: 2, stale: 1, default: 1 })
  })

  it('serves reads while an encoder hangs', async () => {
    const pooling = create()
    await pooling.publish('m', constantEncoder(1, 1))
    await ingestAt(pooling, ['a'], startMs)
    await pooling.backfill(['a'], startMs)
    const held = heldEncoder(2, 3)
    await pooling.publish('m', held.encoder)
    const draining = drainAt(pooling, startMs + 2_000)
    await held.called()
    for (let i = 0; i < 20; i++) expect(only(await pooling.read(['a', 'b'], ['m'])).vectors[0]).toBe(1)
    await ingestAt(pooling, ['a'], startMs + 3_000)
    await pooling.publish('m', constantEncoder(3, 8))
    expect(only(await pooling.read(['a'], ['m'])).vectors[0]).toBe(1)
    held.release()
    await draining
    expect(only(await pooling.read(['a'], ['m'], { latest: true })).latest![0]).toBe(3)
  })

  it('coalesces offers of a user, sheds those beyond the queue, and counts both', async () => {
    const pooling = create({ maxQueue: 2 })
    const encoder = encoderOf(1)
    await pooling.publish('m', encoder)
    await ingestAt(pooling, ['a', 'b', 'a'], startMs)
    expect(pooling.offer('b')).toBe(true)
    expect(pooling.offer('c')).toBe(false)
    expect(pooling.counters).toMatchObject({ coalesced: 2, shed: 1 })
    await drainAt(pooling, startMs + 5_000)
    expect(encoder.batches).toEqual([['a', 'b']])
    expect(pooling.counters.refreshes).toBe(2)
    expect(pooling.offer('c')).toBe(true)
  })

  it('sheds the user whose embedding is freshest, where an offer says how old it is', async () => {
    const pooling = create({ maxQueue: 2 })
    const encoder = encoderOf(1)
    await pooling.publish('m', encoder)
    await ingestAt(pooling, ['a', 'b', 'c', 'd'], startMs)
    await drainAt(pooling, startMs + 5_000)
    expect([pooling.offer('a', 30), pooling.offer('b', 10), pooling.offer('c', 20), pooling.offer('d', 40)]).toEqual([
      true,
      true,
      true,
      false,
    ])
    await drainAt(pooling, startMs + 10_000)
    expect(encoder.batches.slice(1)).toEqual([['b', 'c']])
  })

  it('computes in batches, oldest offers first, and passes over users without a state', async () => {
    const pooling = create({ batchSize: 3 })
    const encoder = encoderOf(1)
    await pooling.publish('m', encoder)
    pooling.offer('stranger')
    for (const [i, user] of ['a', 'b', 'c', 'd', 'e', 'f', 'g'].entries()) await ingestAt(pooling, [user], startMs + i)
    await drainAt(pooling, startMs + 5_000)
    expect(encoder.batches).toEqual([['a', 'b', 'c'], ['d', 'e', 'f'], ['g']])
    expect(pooling.counters.refreshes).toBe(7)
    expect(pooling.due).toBe(0)
  })

  it.each([
    ['event', [true, false]],
    ['read', [false, true]],
    ['both', [true, true]],
  ] as const)('refreshes on %s', async (refreshOn, expected) => {
    const pooling = create({ refreshOn })
    await ingestAt(pooling, ['a'], startMs)
    const afterEvent = pooling.waiting > 0
    await pooling.publish('m', encoderOf(1))
    await drainAt(pooling, startMs + 5_000)
    await pooling.read(['a'], ['m'])
    expect([afterEvent, pooling.waiting > 0]).toEqual(expected)
  })

  it('refreshes what lands after a publication through the new encoder, what was due before through the old', async () => {
    const pooling = create({ models: [{ ...model, policy: { count: 1, slot: 'snapshot' } }] })
    await pooling.publish('m', constantEncoder(1, 1))
    await ingestAt(pooling, ['due'], startMs)
    await ingestAt(pooling, ['later'], startMs + 500)
    clock.nowMs = startMs + 1_200
    await pooling.publish('m', constantEncoder(2, 2))
    expect(pooling.latest('m')?.snapshot).toBe(2)
    await drainAt(pooling, startMs + 5_000)
    expect([...only(await pooling.read(['due', 'later'], ['m'])).snapshot]).toEqual([1, 2])
    expect(only(await pooling.read(['due'], ['m'])).vectors[0]).toBe(1)
  })

  it('does not let a late result overwrite a newer one', async () => {
    const pooling = create()
    const held = heldEncoder(1, 1)
    await pooling.publish('m', held.encoder)
    await ingestAt(pooling, ['a'], startMs)
    const late = drainAt(pooling, startMs + 5_000)
    await held.called()
    // Another worker over the same store.
    const other = create()
    await other.publish('m', constantEncoder(1, 7))
    await other.backfill(['a'], startMs + 4_000)
    held.release()
    await late
    const served = only(await pooling.read(['a'], ['m']))
    expect([served.vectors[0], served.featureTimeMs[0]]).toEqual([7, startMs + 4_000])
    expect(pooling.counters).toMatchObject({ refreshes: 0, superseded: 1 })
  })

  it('loses no event to writers over the same store', async () => {
    const workers = Array.from({ length: 4 }, () => create())
    await Promise.all(
      Array.from({ length: 60 }, (_, i) => workers[i % 4].ingest([eventOf(`u${i % 3}`, 'i', startMs + i)])),
    )
    const { states } = await store.readStates('user', ['u0', 'u1', 'u2'])
    expect(states.map((state) => space.userHistory(state!).eventCount)).toEqual([20, 20, 20])
  })

  it('fails the refreshes of a broken encoder only, and goes on', async () => {
    const pooling = create({ models: [model, { ...model, name: 'n' }], batchSize: 1 })
    const broken: Encoder = { ...constantEncoder(1, 1), encode: async () => new Float32Array(1) }
    await pooling.publish('m', broken)
    await pooling.publish('n', constantEncoder(1, 2))
    await ingestAt(pooling, ['a', 'b'], startMs)
    await expect(drainAt(pooling, startMs + 5_000)).rejects.toThrow(RefreshError)
    const served = await pooling.read(['a', 'b'], ['m', 'n'])
    expect(served.models.map(({ status }) => [...status])).toEqual([
      [servedStatus.default, servedStatus.default],
      [servedStatus.fresh, servedStatus.fresh],
    ])
    expect(pooling.counters).toMatchObject({ refreshes: 2, failed: 2 })
    await pooling.publish('m', { ...constantEncoder(2, Number.NaN) })
    await pooling.backfill(['a'], startMs + 6_000)
    expect(pooling.counters.refused).toBe(1)
  })

  it('backfills all users of the store, in batches', async () => {
    const pooling = create({ batchSize: 4 })
    await expect(pooling.backfill(['a'], startMs)).rejects.toThrow(PoolingConfigError)
    const users = Array.from({ length: 11 }, (_, i) => `u${String(i).padStart(2, '0')}`)
    await ingestAt(pooling, users, startMs)
    const encoder = encoderOf(1)
    await pooling.publish('m', encoder)
    expect(await pooling.backfill(store.keys('user'), startMs + 5)).toBe(11)
    expect(encoder.batches.map(({ length }) => length)).toEqual([4, 4, 3])
    clock.nowMs = startMs + 6
    expect([...only(await pooling.read(users, ['m'])).status]).toEqual(users.map(() => servedStatus.fresh))
  })

  it('tells what it served, and proves that it was known before', async () => {
    const log: [ServedBatch, string | undefined][] = []
    const pooling = create({ onServed: (...told) => log.push(told as (typeof log)[0]) })
    await pooling.publish('m', constantEncoder(3, 1))
    await ingestAt(pooling, ['a'], startMs)
    await pooling.backfill(['a'], startMs + 10)
    clock.nowMs = startMs + 11
    const served = await pooling.read(['a', 'cold'], ['m'], { request: 'r1' })
    expect(log).toEqual([[served, 'r1']])
    const cutoff = (snapshot: number) => (snapshot === 3 ? startMs : undefined)
    assertAsOf(served, startMs + 11, (_, snapshot) => cutoff(snapshot))
    expect(() => assertAsOf(served, startMs + 10, (_, snapshot) => cutoff(snapshot))).toThrow(AsOfError)
    expect(() => assertAsOf(served, startMs + 11, () => startMs + 12)).toThrow(AsOfError)
    expect(() => assertAsOf(served, startMs + 11, () => undefined)).toThrow(AsOfError)
  })

  it('refuses what does not fit', async () => {
    expect(() => create({ batchSize: 0 })).toThrow(PoolingConfigError)
    expect(() => create({ refreshDelayMs: -1 })).toThrow(PoolingConfigError)
    expect(() => create({ maxQueue: 1.5 })).toThrow(PoolingConfigError)
    expect(() => create({ models: [model, model] })).toThrow(PoolingConfigError)
    expect(() => create({ models: [{ ...model, defaultVector: new Float32Array(3) }] })).toThrow(PoolingConfigError)
    const pooling = create()
    await expect(pooling.read(['a'], ['x'])).rejects.toThrow(UnknownModelError)
    await expect(pooling.publish('x', constantEncoder(1, 1))).rejects.toThrow(UnknownModelError)
    await expect(pooling.publish('m', { ...constantEncoder(1, 1), dim: 2 })).rejects.toThrow(PoolingConfigError)
    await pooling.close()
    await expect(pooling.read(['a'], ['m'])).rejects.toThrow(PoolingError)
  })
})
