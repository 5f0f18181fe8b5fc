import type { EmbeddingStore } from '@headwater/store'
import { expect, it } from 'vitest'
import { interceptStore } from '../../testing/intercepted-store.ts'
import { poolingInMemory } from '../../testing/pooling-in-memory.ts'
import { constantEncoder, encoderOf, eventOf, startMs } from '../../testing/towers.ts'
import { type Encoder, RefreshError } from '../index.ts'

const memory = poolingInMemory()
const { clock, create } = memory

const usersOf = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`)
const ingest = (pooling: ReturnType<typeof create>, users: readonly string[]) =>
  pooling.ingest(users.map((user) => eventOf(user, 'i', clock.nowMs)))

/** Fails as long as it is told to. */
function frailEncoder() {
  const frail = { calls: 0, fails: true }
  const encoder: Encoder = {
    ...constantEncoder(1, 2),
    encode: async (batch, users) => {
      frail.calls++
      if (frail.fails) throw new Error('the device is lost')
      return constantEncoder(1, 2).encode(batch, users)
    },
  }
  return { frail, encoder }
}

it('puts the users of a failed batch back, later each time, and gives one up after so many tries', async () => {
  const pooling = create({ maxRetries: 3 })
  const { frail, encoder } = frailEncoder()
  await pooling.publish('m', encoder)
  await ingest(pooling, ['a', 'b'])
  const waits: number[] = []
  clock.nowMs += 1
  for (let tries = 0; tries < 4; tries++) {
    await expect(pooling.drain()).rejects.toThrow(RefreshError)
    if (pooling.nextDueMs === undefined) break
    waits.push(pooling.nextDueMs - clock.nowMs)
    // Not before its time.
    await pooling.drain()
    clock.nowMs = pooling.nextDueMs + 1
  }
  expect(waits).toEqual([100, 200, 400])
  expect([frail.calls, pooling.waiting]).toEqual([4, 0])
  expect(pooling.counters).toMatchObject({ retried: 6, failed: 8, refreshes: 0 })
})

it('lands a user at the retry, with what is known by then', async () => {
  const pooling = create()
  const { frail, encoder } = frailEncoder()
  await pooling.publish('m', encoder)
  await ingest(pooling, ['a'])
  clock.nowMs += 1
  await expect(pooling.drain()).rejects.toThrow('the device is lost')
  frail.fails = false
  clock.nowMs += 500
  await pooling.drain()
  const [served] = (await pooling.read(['a'], ['m'])).models
  expect([served.vectors[0], served.featureTimeMs[0]]).toEqual([2, startMs + 1 + 100])
  expect(pooling.counters).toMatchObject({ retried: 1, failed: 1, refreshes: 1 })
})

it('tries nobody again who was forgotten meanwhile, and tells its observer of them', async () => {
  const forgotten: string[] = []
  const pooling = create({ maxRetries: 1, batchSize: 3, observer: { forgotten: (user) => forgotten.push(user) } })
  let fail = (_error: Error) => {}
  const failing = new Promise<Float32Array>((_, reject) => {
    fail = reject
  })
  let called = () => {}
  const encoding = new Promise<void>((resolve) => {
    called = resolve
  })
  await pooling.publish('m', constantEncoder(1, 2))
  await pooling.publish('m', {
    ...constantEncoder(2, 2),
    encode: (batch, users) => {
      if (!users.includes('a')) return constantEncoder(2, 2).encode(batch, users)
      called()
      return failing
    },
  })
  await ingest(pooling, ['a', 'b', 'c'])
  clock.nowMs += 1
  const draining = pooling.drain()
  await encoding
  await memory.store.forget('b')
  fail(new Error('the device is lost'))
  await expect(draining).rejects.toThrow('the device is lost')
  expect([pooling.waiting, pooling.counters.retried, forgotten]).toEqual([2, 2, ['b']])
  // Offers of the others join what waits.
  expect(['a', 'c'].map((user) => pooling.offer(user))).toEqual([true, true])
  expect([pooling.waiting, pooling.counters.coalesced]).toEqual([2, 2])
})

it.each([
  { title: 'could not be read', isRead: false },
  { title: 'could be read and failed later', isRead: true },
])('tries nobody again who was forgotten while states were being read that $title', async ({ isRead }) => {
  let reading = () => {}
  const asked = new Promise<void>((resolve) => {
    reading = resolve
  })
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  await ingest(create(), ['a', 'b'])
  const store = interceptStore(memory.store, {
    readStates: async (kind, keys) => {
      const states = await memory.store.readStates(kind, keys)
      reading()
      await answered
      if (!isRead) throw new Error('no server answered')
      return states
    },
  })
  const encoded: string[] = []
  const pooling = create({ store, refreshOn: 'read' })
  await pooling.publish('m', {
    ...constantEncoder(1, 2),
    encode: async (_, users) => {
      encoded.push(...users)
      throw new Error('the device is lost')
    },
  })
  for (const user of ['a', 'b']) pooling.offer(user)
  clock.nowMs += 1
  const draining = pooling.drain()
  await asked
  await memory.store.forget('b')
  answer()
  await expect(draining).rejects.toThrow(isRead ? 'the device is lost' : 'no server answered')
  expect(encoded).toEqual(isRead ? ['a'] : [])
  expect([pooling.waiting, pooling.counters.retried]).toEqual([1, 1])
  expect(pooling.offer('a')).toBe(true)
  expect([pooling.waiting, pooling.counters.coalesced]).toEqual([1, 1])
})

it('keeps what is due for its next try where an event of the user fails, as no state can be read', async () => {
  let reads = true
  const readStates: EmbeddingStore['readStates'] = async (...args) => {
    if (!reads) throw new Error('no server answered')
    return memory.store.readStates(...args)
  }
  const pooling = create({ store: interceptStore(memory.store, { readStates }) })
  await pooling.publish('m', constantEncoder(1, 4))
  await ingest(pooling, ['a'])
  clock.nowMs += 1
  reads = false
  await expect(ingest(pooling, ['a'])).rejects.toThrow('no server answered')
  expect([pooling.waiting, pooling.nextDueMs]).toEqual([1, clock.nowMs + 100])
  reads = true
  clock.nowMs += 101
  await pooling.drain()
  expect((await pooling.read(['a'], ['m'])).models[0].vectors[0]).toBe(4)
})

it('tries no more users again than ten and a tenth of the refreshes', async () => {
  const pooling = create({ batchSize: 50 })
  const { frail, encoder } = frailEncoder()
  frail.fails = false
  await pooling.publish('m', encoder)
  await ingest(pooling, usersOf(70))
  clock.nowMs += 1
  await pooling.drain()
  expect(pooling.counters.refreshes).toBe(70)
  frail.fails = true
  await ingest(pooling, usersOf(40))
  clock.nowMs += 1
  await expect(pooling.drain()).rejects.toThrow(RefreshError)
  expect(pooling.waiting).toBe(17)
  expect(pooling.counters).toMatchObject({ retried: 17, failed: 40 })
})

it('saves up no more than a thousand tries, however many refreshes went well', async () => {
  const pooling = create({ batchSize: 4000, maxQueue: 20_000 })
  const { frail, encoder } = frailEncoder()
  frail.fails = false
  await pooling.publish('m', encoder)
  const users = usersOf(12_000)
  await ingest(pooling, users)
  clock.nowMs += 1
  await pooling.drain()
  expect(pooling.counters.refreshes).toBe(12_000)
  frail.fails = true
  await ingest(pooling, users.slice(0, 2000))
  clock.nowMs += 1
  await expect(pooling.drain()).rejects.toThrow(RefreshError)
  expect(pooling.counters).toMatchObject({ retried: 1000, failed: 2000 })
  // What was used up comes back with refreshes that land, a tenth of them.
  frail.fails = false
  clock.nowMs += 1000
  await pooling.drain()
  expect(pooling.counters.refreshes).toBe(13_000)
  frail.fails = true
  await ingest(pooling, users.slice(0, 2000))
  clock.nowMs += 1
  await expect(pooling.drain()).rejects.toThrow(RefreshError)
  expect(pooling.counters.retried).toBe(1100)
})

it('joins a new offer of a user, and does not try what cannot be mended', async () => {
  const pooling = create()
  const { encoder } = frailEncoder()
  let offer = () => {}
  await pooling.publish('m', {
    ...encoder,
    encode: (...args) => {
      offer()
      return encoder.encode(...args)
    },
  })
  await ingest(pooling, ['a'])
  clock.nowMs += 1
  offer = () => pooling.offer('a')
  await expect(pooling.drain()).rejects.toThrow(RefreshError)
  expect([pooling.waiting, pooling.nextDueMs]).toEqual([1, clock.nowMs])
  expect(pooling.counters).toMatchObject({ retried: 0, coalesced: 1 })

  const other = create()
  await other.publish('m', encoderOf(1))
  await memory.store.compareAndSetStates([[{ kind: 'user', key: 'torn', expected: 0, state: new Uint8Array(3) }]])
  other.offer('torn')
  clock.nowMs += 1
  await expect(other.drain()).rejects.toThrow(RefreshError)
  expect(other.counters).toMatchObject({ retried: 0, failed: 1 })
  expect(other.waiting).toBe(0)
})

it('tries again where the store could not be read or written', async () => {
  const broken = { read: true, write: false }
  const around = Object.assign(Object.create(memory.store), {
    addForgetHolder: () => () => {},
    readStates: async (...args: Parameters<EmbeddingStore['readStates']>) => {
      if (broken.read && args[1].includes('a')) throw new Error('no server answered')
      return memory.store.readStates(...args)
    },
    append: async (batch: Parameters<EmbeddingStore['append']>[0]) => {
      if (broken.write) throw new Error('no server took it')
      return memory.store.append(batch)
    },
    read: memory.store.read.bind(memory.store),
    compareAndSetStates: memory.store.compareAndSetStates.bind(memory.store),
  }) as EmbeddingStore
  Object.defineProperty(around, 'atomicity', { value: 'store' })
  await ingest(create(), ['a'])
  const pooling = create({ store: around })
  await pooling.publish('m', constantEncoder(1, 4))
  pooling.offer('a')
  for (const message of ['no server answered', 'no server took it']) {
    clock.nowMs = pooling.nextDueMs! + 1
    await expect(pooling.drain()).rejects.toThrow(message)
    Object.assign(broken, { read: false, write: !broken.write })
  }
  broken.write = false
  clock.nowMs = pooling.nextDueMs! + 1
  await pooling.drain()
  expect((await pooling.read(['a'], ['m'])).models[0].vectors[0]).toBe(4)
  expect(pooling.counters).toMatchObject({ retried: 2, refreshes: 1 })
})
