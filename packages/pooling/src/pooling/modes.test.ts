import { describe, expect, it, vi } from 'vitest'
import { poolingInMemory } from '../../testing/pooling-in-memory.ts'
import { constantEncoder, dim, embed, encoderOf, eventOf, heldEncoder, model, space } from '../../testing/towers.ts'
import { type FailedBatch, PoolingConfigError, servedStatus, startRefreshing } from '../index.ts'

const memory = poolingInMemory()
const { clock, create } = memory

const ingest = (pooling: ReturnType<typeof create>, users: readonly string[]) =>
  pooling.ingest(users.map((user, i) => eventOf(user, 'i', clock.nowMs, i)))

describe('the stored mode', () => {
  it('refreshes by backfill alone', async () => {
    const pooling = create({ mode: 'stored', refreshOn: 'both' })
    await pooling.publish('m', constantEncoder(1, 5))
    await ingest(pooling, ['a'])
    await pooling.read(['a'], ['m'])
    expect(pooling.offer('a')).toBe(false)
    await pooling.putFeatures('a', {}, clock.nowMs)
    clock.nowMs += 10
    await pooling.drain()
    expect([pooling.waiting, pooling.due, pooling.counters.shed]).toEqual([0, 0, 0])
    expect((await pooling.read(['a'], ['m'])).models[0].status[0]).toBe(servedStatus.default)
    expect(await pooling.backfill(['a'], clock.nowMs)).toBe(1)
    const [served] = (await pooling.read(['a'], ['m'])).models
    expect([served.vectors[0], served.computed]).toEqual([5, null])
  })

  it('takes states for a backfill from elsewhere, and leaves out users without one', async () => {
    const pooling = create({ mode: 'stored', batchSize: 2 })
    const encoder = encoderOf(1)
    await pooling.publish('m', encoder)
    await ingest(pooling, ['a', 'b', 'c'])
    const state = space.newUserState()
    const asked: (readonly string[])[] = []
    const states = async (users: readonly string[]) => {
      asked.push([...users])
      return users.map((user) => (user === 'b' ? undefined : state))
    }
    expect(await pooling.backfill(['a', 'b', 'c', 'd', 'e'], clock.nowMs, { states })).toBe(4)
    expect(asked).toEqual([['a', 'b'], ['c', 'd'], ['e']])
    expect(encoder.batches).toEqual([
      ['a', 'c'],
      ['d', 'e'],
    ])
    const batch = space.allocate('user', 1)
    space.encodeUser(batch, 0, state, clock.nowMs)
    const [served] = (await pooling.read(['a'], ['m'])).models
    for (const [d, value] of embed(batch, 0, 1).entries()) expect(served.vectors[d]).toBeCloseTo(value, 2)
  })
})

describe('the synchronous mode', () => {
  it('computes what it reads, lands it, and tells so', async () => {
    const pooling = create({ mode: 'synchronous', deadlineMs: 10_000 })
    const encoder = encoderOf(1)
    await ingest(pooling, ['a', 'b'])
    const before = (await pooling.read(['a'], ['m'])).models[0]
    expect([before.status[0], before.computed![0]]).toEqual([servedStatus.default, 0])
    await pooling.publish('m', encoder)
    clock.nowMs += 5
    const served = await pooling.read(['b', 'stranger', 'a'], ['m'])
    const [columns] = served.models
    const { states } = await memory.store.readStates('user', ['b', 'a'])
    const batch = space.allocate('user', 2)
    for (const [row, state] of states.entries()) space.encodeUser(batch, row, state!, clock.nowMs)
    expect([...columns.computed!]).toEqual([1, 0, 1])
    expect([...columns.status]).toEqual([servedStatus.fresh, servedStatus.default, servedStatus.fresh])
    expect([...columns.ageMs]).toEqual([0, Number.NaN, 0])
    for (const [row, at] of [
      [0, 0],
      [1, 2],
    ]) {
      for (const [d, value] of embed(batch, row, 1).entries())
        expect(columns.vectors[at * dim + d]).toBeCloseTo(value, 2)
    }
    // Another pooling over the store, which computes nothing, serves the same.
    const stored = create({ mode: 'stored' })
    expect([...(await stored.read(['a'], ['m'])).models[0].vectors]).toEqual([...columns.vectors.subarray(2 * dim)])
    expect(pooling.counters).toMatchObject({ computed: 2, hits: 2, default: 2, refreshes: 2 })
    expect(pooling.waiting).toBe(0)
  })

  it('computes reads of one turn in one batch, and those that come meanwhile in the next', async () => {
    const pooling = create({ mode: 'synchronous', deadlineMs: 60_000 })
    await ingest(pooling, ['a', 'b', 'c', 'd'])
    const held = heldEncoder(1, 6)
    const calls: (readonly string[])[] = []
    await pooling.publish('m', {
      ...held.encoder,
      encode: (batch, users) => {
        calls.push([...users])
        return held.encoder.encode(batch, users)
      },
    })
    const first = Promise.all([pooling.read(['a', 'b'], ['m']), pooling.read(['b', 'c'], ['m'])])
    await held.called()
    const later = [pooling.read(['d'], ['m'])]
    await new Promise((resolve) => setImmediate(resolve))
    later.push(pooling.read(['a'], ['m']))
    held.release()
    await first
    await held.called()
    held.release()
    for (const { models } of await Promise.all(later)) expect(models[0].vectors[0]).toBe(6)
    expect(calls).toEqual([
      ['a', 'b', 'c'],
      ['d', 'a'],
    ])
  })

  it('lets no more users wait than its queue has places, and serves the rest what the store holds at once', async () => {
    const pooling = create({ mode: 'synchronous', deadlineMs: 60_000, maxQueue: 2 })
    await ingest(pooling, ['a', 'b', 'c', 'd'])
    const held = heldEncoder(1, 6)
    await pooling.publish('m', held.encoder)
    const first = pooling.read(['a'], ['m'])
    await held.called()
    const next = pooling.read(['b', 'c'], ['m'])
    const shed = pooling.read(['d'], ['m'])
    expect((await shed).models[0].status[0]).toBe(servedStatus.default)
    expect(pooling.counters.shed).toBe(1)
    // One who waits already takes no place, and who has one waits for it.
    const both = pooling.read(['c', 'd'], ['m'])
    held.release()
    await held.called()
    held.release()
    expect((await first).models[0].vectors[0]).toBe(6)
    expect([...(await next).models[0].computed!]).toEqual([1, 1])
    expect([...(await both).models[0].computed!]).toEqual([1, 0])
    expect(pooling.counters.shed).toBe(2)
  })

  it('serves what the store holds where the deadline passes, and lands the late result all the same', async () => {
    const pooling = create({ mode: 'synchronous' })
    await ingest(pooling, ['a'])
    await pooling.publish('m', constantEncoder(1, 1))
    await pooling.backfill(['a'], clock.nowMs)
    const held = heldEncoder(2, 9)
    await pooling.publish('m', held.encoder)
    clock.nowMs += 7
    const [late] = (await pooling.read(['a'], ['m'], { deadlineMs: 1 })).models
    expect([late.vectors[0], late.computed![0], late.ageMs[0]]).toEqual([1, 0, 7])
    await held.called()
    held.release()
    while (pooling.counters.refreshes < 2) await new Promise((resolve) => setImmediate(resolve))
    const [next] = (await create({ mode: 'stored' }).read(['a'], ['m'])).models
    expect([next.snapshot[0], next.ageMs[0]]).toEqual([2, 0])
    await pooling.close()
  })

  it('computes the models that a read asks for alone, and none waits for another', async () => {
    const models = ['cheap', 'dear', 'none'].map((name) => ({ ...model, name }))
    const pooling = create({ mode: 'synchronous', deadlineMs: 60_000, models })
    await ingest(pooling, ['a', 'b'])
    const held = heldEncoder(2, 6)
    await pooling.publish('cheap', constantEncoder(1, 5))
    await pooling.publish('dear', held.encoder)
    const readCheap = async (user: string) => (await pooling.read([user], ['cheap'])).models[0]
    expect((await readCheap('a')).computed![0]).toBe(1)
    expect(held.held()).toBe(0)
    const dear = pooling.read(['a'], ['dear'])
    await held.called()
    // Beside the one that is computed, however many come.
    for (let i = 0; i < 4; i++) {
      clock.nowMs++
      const served = await readCheap('b')
      expect([served.vectors[0], served.computed![0], served.featureTimeMs[0]]).toEqual([5, 1, clock.nowMs])
    }
    clock.nowMs++
    const all = pooling.read(['a'], ['dear', 'cheap', 'none'])
    // What is ready is written, for whoever cannot wait for the rest.
    const landedMs = async () => (await pooling.look(['a'], ['cheap'])).models[0].featureTimeMs[0]
    await vi.waitFor(async () => expect(await landedMs()).toBe(clock.nowMs), { timeout: 20_000 })
    expect(held.held()).toBe(1)
    held.release()
    const [first] = (await dear).models
    expect([first.vectors[0], first.computed![0]]).toEqual([6, 1])
    await held.called()
    held.release()
    expect((await all).models.map(({ computed, status }) => [computed![0], status[0]])).toEqual([
      [1, servedStatus.fresh],
      [1, servedStatus.fresh],
      [0, servedStatus.default],
    ])
    expect(pooling.counters).toMatchObject({ refreshes: 1 + 4 + 1 + 2, failed: 0, shed: 0 })
    await pooling.close()
    await pooling.released(held.encoder)
  })

  it('sends what reads compute through a shadow, too', async () => {
    const pooling = create({ mode: 'synchronous', deadlineMs: 60_000 })
    await ingest(pooling, ['a'])
    await pooling.publish('m', constantEncoder(1, 5))
    const compared: (readonly string[])[] = []
    pooling.shadow('m', encoderOf(9), { share: 1, onCompared: (users) => compared.push([...users]) })
    await pooling.read(['a'], ['m'])
    await vi.waitFor(() => expect(compared).toEqual([['a']]), { timeout: 20_000 })
  })

  it('serves what the store holds where the encoder fails', async () => {
    const failures: (string | null)[] = []
    const observer = { failed: ({ model }: FailedBatch) => failures.push(model) }
    const pooling = create({ mode: 'synchronous', deadlineMs: 60_000, observer })
    await ingest(pooling, ['a'])
    await pooling.publish('m', constantEncoder(1, 1))
    await pooling.backfill(['a'], clock.nowMs)
    await pooling.publish('m', { ...constantEncoder(2, 1), encode: () => Promise.reject(new Error('lost')) })
    clock.nowMs += 1
    const [served] = (await pooling.read(['a'], ['m'])).models
    expect([served.vectors[0], served.computed![0]]).toEqual([1, 0])
    expect(failures).toEqual(['m'])
    expect(pooling.counters).toMatchObject({ failed: 1, retried: 0 })
    expect(() => create({ mode: 'synchronous', deadlineMs: -1 })).toThrow(PoolingConfigError)
  })
})

describe('in service, with a refresher', () => {
  it('keeps one refresh of a user however many events come, and takes the newest state and encoder', async () => {
    const held = heldEncoder(1, 1)
    const encoder = encoderOf(2)
    const pooling = create({ batchSize: 2 })
    await pooling.publish('m', held.encoder)
    const refresher = startRefreshing(pooling, { maxWaitMs: 0 })
    await ingest(pooling, ['first'])
    clock.nowMs += 10
    await held.called()
    // Due, and behind the one that is encoded.
    for (let i = 0; i < 5; i++) {
      await ingest(pooling, ['hot'])
      clock.nowMs += 10
    }
    await pooling.publish('m', encoder)
    expect([pooling.waiting, pooling.counters.coalesced]).toEqual([1, 4])
    held.release()
    while (pooling.counters.refreshes < 2) await new Promise((resolve) => setImmediate(resolve))
    await refresher.stop()
    expect(encoder.batches).toEqual([['hot']])
    const [served] = (await pooling.read(['hot'], ['m'])).models
    const { states } = await memory.store.readStates('user', ['hot'])
    const batch = space.allocate('user', 1)
    space.encodeUser(batch, 0, states[0]!, clock.nowMs)
    expect([served.snapshot[0], served.featureTimeMs[0]]).toEqual([2, clock.nowMs])
    for (const [d, value] of embed(batch, 0, 2).entries()) expect(served.vectors[d]).toBeCloseTo(value, 2)
  })

  it('stops behind the batches under way, however many wait', async () => {
    const held = heldEncoder(1, 1)
    const pooling = create({ batchSize: 1 })
    await pooling.publish('m', held.encoder)
    const users = Array.from({ length: 20 }, (_, i) => `u${i}`)
    await ingest(pooling, users)
    clock.nowMs += 10
    const refresher = startRefreshing(pooling, { maxWaitMs: 0 })
    await held.called()
    let isStopped = false
    const stopping = refresher.stop().then(() => {
      isStopped = true
    })
    while (!isStopped) {
      await new Promise((resolve) => setImmediate(resolve))
      // What was begun is ended.
      if (held.held() > 0) held.release()
    }
    await stopping
    expect(pooling.counters.refreshes).toBeLessThanOrEqual(4)
    expect(pooling.waiting + pooling.counters.refreshes).toBe(20)
    await pooling.close()
  })

  it('refreshes users with the oldest embeddings first, and sheds the freshest', async () => {
    const pooling = create({ maxQueue: 3, batchSize: 1, refreshOn: 'both' })
    const encoder = encoderOf(1)
    await pooling.publish('m', encoder)
    for (const user of ['old', 'middle', 'new', 'newest']) {
      clock.nowMs += 100
      await ingest(pooling, [user])
      await pooling.backfill([user], clock.nowMs)
    }
    clock.nowMs += 1
    await pooling.drain()
    encoder.batches.length = 0
    await pooling.read(['newest', 'new', 'middle'], ['m'])
    await pooling.read(['old', 'stranger', 'newest'], ['m'])
    clock.nowMs += 1
    await pooling.drain()
    // The stranger, who is served nothing, came first; there is no state to refresh.
    expect(encoder.batches).toEqual([['old'], ['middle']])
    expect(pooling.counters).toMatchObject({ shed: 3 + 1, coalesced: 0 })
  })
})
