/** What becomes of users whose features are put, who are forgotten, or whom no server answers for; and reads' memory. */
import { bucketOf, EventError, type SideBatch } from '@headwater/features'
import { createReadBuffer, readStatus } from '@headwater/store'
import { expect, it } from 'vitest'
import { poolingInMemory } from '../../testing/pooling-in-memory.ts'
import {
  constantEncoder,
  dim,
  encoderOf,
  eventOf,
  heldEncoder,
  model,
  profileSpace,
  startMs,
} from '../../testing/towers.ts'
import { PoolingConfigError, type PoolingOptions, servedStatus } from '../index.ts'

const memory = poolingInMemory()
const { clock, create } = memory

it('refreshes a user whose features are put, events or none', async () => {
  const seen: number[][] = []
  const bag = profileSpace.user.bags.findIndex(({ name }) => name === 'country')
  const encode = async (batch: SideBatch, users: readonly string[]) => {
    seen.push([...batch.bags[bag].ids])
    return new Float32Array(users.length * dim).fill(1)
  }
  const pooling = create({ space: profileSpace })
  await pooling.publish('m', { ...constantEncoder(1, 1), encode })
  await pooling.putFeatures('new', { country: 'FI', age: 33 }, startMs)
  await pooling.ingest([{ ...eventOf('known', 'i', startMs), id: 'a', values: [7, null, null] }])
  clock.nowMs += 1
  await pooling.drain()
  await pooling.putFeatures('known', { country: 'NZ' }, startMs + 1)
  clock.nowMs += 1
  await pooling.drain()
  expect(seen).toEqual([[bucketOf('country', 'FI', 997), 0], [bucketOf('country', 'NZ', 997)]])
  // The ids of events are kept.
  await pooling.ingest([{ ...eventOf('known', 'i', startMs), id: 'a', values: [7, null, null] }])
  expect(pooling.counters).toMatchObject({ events: 1, repeated: 1, refreshes: 3 })
  const { states } = await memory.store.readStates('user', ['new'])
  expect(profileSpace.userHistory(states[0]!)).toEqual({ eventCount: 0, lastEventMs: null })
})

it('refuses bad features by their field, and does not bring back the forgotten', async () => {
  const pooling = create({ space: profileSpace })
  for (const [field, values] of [
    ['age', { age: 'old' }],
    ['rating', { rating: 3 }],
    ['shoe', { shoe: 44 }],
  ] as const) {
    const put = pooling.putFeatures('u', values, startMs)
    await expect(put).rejects.toThrow(EventError)
    await expect(put).rejects.toMatchObject({ field })
  }
  await memory.store.forget('u', { atMs: startMs })
  await pooling.putFeatures('u', { age: 3 }, startMs)
  expect((await memory.store.readStates('user', ['u'])).states).toEqual([undefined])
  expect(pooling.waiting).toBe(0)
  await pooling.putFeatures('u', { age: 3 }, startMs + 1)
  expect(pooling.waiting).toBe(1)
})

it('forgets what waits of a user, and tells so in the receipt', async () => {
  const pooling = create({ batchSize: 1 })
  const held = heldEncoder(1, 1)
  await pooling.publish('m', held.encoder)
  await pooling.ingest(['other', 'u', 'v'].map((user) => eventOf(user, 'i', startMs)))
  clock.nowMs += 1
  // Captures the three, as an event that comes after their due times does.
  await pooling.ingest(['u', 'v', 'other'].map((user) => eventOf(user, 'i', startMs + 1)))
  expect([pooling.waiting, pooling.due]).toEqual([3, 3])
  const { removed } = await memory.store.forget('u', { atMs: startMs + 2 })
  expect(removed.filter(({ where }) => where === 'refresh queue')).toEqual([
    { where: 'refresh queue', what: 'waiting refresh', count: 2 },
  ])
  expect([pooling.waiting, pooling.due, pooling.hasDue(['u'])]).toEqual([2, 2, false])
  const draining = pooling.drain()
  for (let batch = 0; batch < 2; batch++) {
    await held.called()
    held.release()
  }
  await draining
  const served = (await pooling.read(['u', 'v', 'other'], ['m'])).models[0]
  expect([...served.status]).toEqual([servedStatus.default, servedStatus.fresh, servedStatus.fresh])
  await pooling.close()
  expect((await memory.store.forget('v')).removed.some(({ where }) => where === 'refresh queue')).toBe(false)
})

it('keeps what waits of a user whose name another tenant’s user has', async () => {
  const pooling = create({ tenant: 'default' })
  await pooling.ingest([eventOf('u', 'i', startMs)])
  const { removed } = await memory.store.forTenant('other').forget('u')
  expect(removed.some(({ where }) => where === 'refresh queue')).toBe(false)
  expect(pooling.waiting).toBe(1)
  await memory.store.forget('u')
  expect(pooling.waiting).toBe(0)
})

it('does not land a user who is forgotten while they are computed', async () => {
  const pooling = create()
  const held = heldEncoder(1, 1)
  await pooling.publish('m', held.encoder)
  await pooling.ingest([eventOf('u', 'i', startMs)])
  clock.nowMs += 1
  const draining = pooling.drain()
  await held.called()
  await memory.store.forget('u', { atMs: startMs + 1 })
  held.release()
  await draining
  expect((await pooling.read(['u'], ['m'])).models[0].status[0]).toBe(servedStatus.default)
  expect(pooling.counters).toMatchObject({ refreshes: 0, superseded: 1 })
})

it('serves the default to a user who is forgotten while a read is under way, and logs no vector behind that', async () => {
  const logged: number[][] = []
  const onServed: PoolingOptions['onServed'] = ({ models: [m] }) => {
    logged.push([...m.vectors], [...m.status])
  }
  const pooling = create({ onServed })
  await pooling.publish('m', constantEncoder(1, 2))
  const users = ['u', 'v', 'w']
  await pooling.ingest(users.map((user) => eventOf(user, 'i', startMs)))
  await pooling.backfill(users, startMs)
  const read = memory.store.read.bind(memory.store)
  let forget: string[] = []
  let meanwhile = async () => {}
  // As a store beyond a network has it, which answers for some users before others.
  memory.store.read = async (request, into) => {
    await read(request, into)
    for (const user of forget.splice(0)) await memory.store.forget(user, { atMs: startMs })
    await meanwhile()
  }
  const held = [2, 2, 2, 2]
  const standing = [9, 8, 7, 6]
  const { fresh, default: missing } = servedStatus
  forget = ['w', 'elsewhere', 'v']
  meanwhile = async () => {
    meanwhile = async () => {}
    await pooling.ingest([eventOf('v', 'i', startMs + 1)])
    await pooling.backfill(['v'], startMs + 1)
    // This one began since.
    forget = ['elsewhere']
    await pooling.read(users, ['m'])
    expect(logged.splice(0)[1]).toEqual([fresh, fresh, missing])
  }
  await pooling.read(users, ['m'])
  expect(logged.splice(0)).toEqual([
    [...held, ...standing, ...standing],
    [fresh, missing, missing],
  ])
  // More than are kept of: then nobody's is served.
  forget = Array.from({ length: 1_025 }, (_, i) => `other-${i}`)
  await pooling.read(users, ['m'])
  expect(logged.splice(0)[1]).toEqual([missing, missing, missing])
  await pooling.read(users, ['m'])
  expect(logged.splice(0)[1]).toEqual([fresh, fresh, missing])
})

it('serves the default to users whom no server answers for, and counts them apart', async () => {
  const read = memory.store.read.bind(memory.store)
  memory.store.read = async (request, into) => {
    await read(request, into)
    for (const [u, user] of request.users.entries()) {
      if (user === 'lost') into.models[0].status[u] = readStatus.unavailable
    }
  }
  const pooling = create()
  const [served] = (await pooling.read(['lost', 'stranger'], ['m'])).models
  expect([...served.vectors]).toEqual([9, 8, 7, 6, 9, 8, 7, 6])
  expect([...served.status]).toEqual([servedStatus.default, servedStatus.default])
  expect(pooling.counters).toMatchObject({ reads: 2, default: 2, unavailable: 1 })
})

it('reads into memory that an earlier read gave, and leaves nothing of that in it', async () => {
  const models = [
    { ...model, policy: { ...model.policy, timeToLiveMs: 50 } },
    { ...model, name: 'n' },
  ]
  const pooling = create({ models })
  await pooling.publish('m', encoderOf(1))
  await pooling.publish('n', encoderOf(2))
  const users = ['a', 'b', 'c']
  await pooling.ingest(users.map((user, i) => eventOf(user, 'i', startMs, i)))
  await pooling.backfill(['a', 'b'], startMs)
  const into = await pooling.read(['a', 'b'], ['m', 'n'], { latest: true })
  for (const [wanted, laterMs] of [
    [['c', 'a'], 0],
    [['stranger', 'b'], 10],
    [['b', 'a'], 60],
  ] as const) {
    clock.nowMs = startMs + laterMs
    const fresh = await pooling.read(wanted, ['m', 'n'], { latest: true })
    const again = await pooling.read(wanted, ['m', 'n'], { latest: true, into })
    expect(again).toBe(into)
    expect([again.users, again.servedMs]).toEqual([fresh.users, fresh.servedMs])
    for (const [m, columns] of fresh.models.entries()) expect(again.models[m]).toEqual(columns)
  }
  for (const [wanted, names, options] of [
    [['a'], ['m', 'n'], { latest: true, into }],
    [['a', 'b'], ['m'], { latest: true, into }],
    [['a', 'b'], ['n', 'm'], { latest: true, into }],
    [['a', 'b'], ['m', 'n'], { into }],
    [['a', 'b'], ['m', 'n'], { latest: true, into: { ...into } }],
  ] as const) {
    await expect(pooling.read(wanted, names, options)).rejects.toThrow(PoolingConfigError)
  }
})

it('gives the newest embedding only where it is asked for', async () => {
  const pooling = create()
  await pooling.publish('m', constantEncoder(1, 2))
  await pooling.ingest([eventOf('a', 'i', startMs)])
  await pooling.backfill(['a'], startMs)
  await pooling.publish('m', constantEncoder(2, 4))
  await pooling.backfill(['a'], startMs + 1)
  expect((await pooling.read(['a'], ['m'])).models[0].latest).toBeNull()
  const [served] = (await pooling.read(['a'], ['m'], { latest: true })).models
  expect([served.vectors[0], served.latest![0]]).toEqual([3, 4])
  const buffer = createReadBuffer(1, [{ model: 'm', dim, latest: true }])
  await memory.store.read({ users: ['a'], models: [{ model: 'm' }] }, buffer)
  expect(served.latest).toEqual(buffer.models[0].latest)
})
