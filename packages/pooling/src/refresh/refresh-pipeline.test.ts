import { expect, it, vi } from 'vitest'
import { poolingInMemory } from '../../testing/pooling-in-memory.ts'
import { constantEncoder, dim, embed, encoderOf, eventOf, heldEncoder, model, space } from '../../testing/towers.ts'
import type { RowEncoder } from '../contracts/row-encoder.ts'
import {
  type Encoder,
  type FailedBatch,
  type Pooling,
  PoolingConfigError,
  type PoolingOptions,
  type RefreshedBatch,
} from '../index.ts'
import { askedBy } from './offer-queue.ts'
import { ownThreadRows } from './own-thread-rows.ts'

const memory = poolingInMemory()
const { clock, create } = memory

const users = Array.from({ length: 11 }, (_, i) => `u${String(i).padStart(2, '0')}`)
const turn = () => new Promise((resolve) => setImmediate(resolve))
async function withDue(options: Partial<PoolingOptions>, encoder: Encoder) {
  const pooling = create({ batchSize: 4, ...options })
  await pooling.publish('m', encoder)
  await pooling.ingest(users.map((user, i) => eventOf(user, 'i', clock.nowMs + i, i % 10)))
  clock.nowMs += 100
  return pooling
}

/** Each user is served what the tower makes of their own state, to the precision of fp16. */
async function expectServed(pooling: Pooling, of: readonly string[]): Promise<void> {
  const { states } = await memory.store.readStates('user', of)
  const [served] = (await pooling.read(of, ['m'])).models
  const row = space.allocate('user', 1)
  for (const [u, state] of states.entries()) {
    space.encodeUser(row, 0, state!, served.featureTimeMs[u])
    for (const [d, value] of embed(row, 0, 1).entries()) {
      expect(Math.abs(served.vectors[u * dim + d] - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11 + 2 ** -25)
    }
  }
}

it('makes the rows of the next batch while one is encoded, and of no later one', async () => {
  const own = ownThreadRows(space, 4)
  let made = 0
  const rowEncoder: RowEncoder = {
    encodeUsers: (states, nowMs) => {
      made++
      return own.encodeUsers(states, nowMs)
    },
  }
  const held = heldEncoder(1, 5)
  const pooling = await withDue({ rowEncoder }, held.encoder)
  const draining = pooling.drain()
  const seen: number[] = []
  for (let batch = 0; batch < 3; batch++) {
    await held.called()
    for (let i = 0; i < 5; i++) await turn()
    seen.push(made)
    held.release()
    await turn()
  }
  await draining
  expect(seen).toEqual([2, 3, 3])
  expect(pooling.counters.refreshes).toBe(11)
})

it('lands a large batch in pieces, a turn of the event loop each, so that reads go in between', async () => {
  const many = Array.from({ length: 70 }, (_, i) => `u${i}`)
  const pooling = create({ batchSize: 100 })
  await pooling.publish('m', encoderOf(1))
  await pooling.ingest(many.map((user, i) => eventOf(user, 'i', clock.nowMs + i, i % 10)))
  clock.nowMs += 100
  const pieces: { readonly rows: number; readonly turn: number }[] = []
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  count()
  const append = memory.store.append.bind(memory.store)
  memory.store.append = (batch) => {
    pieces.push({ rows: batch.users.length, turn: turns })
    return append(batch)
  }
  await pooling.drain()
  isOver = true
  expect(pieces.map(({ rows }) => rows)).toEqual([...new Array(17).fill(4), 2])
  expect(new Set(pieces.map((piece) => piece.turn)).size).toBe(18)
  expect(pooling.counters.refreshes).toBe(70)
  await expectServed(pooling, many)
})

it('encodes the next batch while one lands, and lands each user as the tower makes it of their own state', async () => {
  const waiting: (() => void)[] = []
  const append = memory.store.append.bind(memory.store)
  memory.store.append = async (batch) => {
    await new Promise<void>((resolve) => waiting.push(resolve))
    return append(batch)
  }
  const encoder = encoderOf(1)
  const pooling = await withDue({}, encoder)
  const draining = pooling.drain()
  for (let batch = 0; batch < 3; batch++) {
    while (waiting.length === 0) await turn()
    for (let i = 0; i < 5; i++) await turn()
    // One lands at a time; the others are encoded already.
    expect([waiting.length, encoder.batches.length]).toEqual([1, Math.min(3, batch + 2 + (batch === 0 ? 1 : 0))])
    waiting.shift()!()
  }
  await draining
  await expectServed(pooling, users)
})

it('lands each model once its own encoder has answered, and a user counts as landed once all have', async () => {
  const held = heldEncoder(1, 5)
  const written: string[] = []
  let fresh = 0
  const observer = {
    refreshed: ({ model: name, rows }: RefreshedBatch) => written.push(`${name} ${rows}`),
    written: () => fresh++,
  }
  const pooling = create({ models: [model, { ...model, name: 'n' }], observer, batchSize: 8 })
  await pooling.publish('m', held.encoder)
  await pooling.publish('n', constantEncoder(2, 3))
  await pooling.ingest(users.map((user) => eventOf(user, 'i', clock.nowMs)))
  clock.nowMs += 100
  const draining = pooling.drain()
  await vi.waitFor(() => expect(written).toEqual(['n 8']), { timeout: 20_000 })
  const [m, n] = (await pooling.look([users[0]], ['m', 'n'])).models
  expect([m.vectors[0], n.vectors[0], fresh]).toEqual([9, 3, 0])
  held.release()
  await held.called()
  held.release()
  await draining
  // No model's batch passes the one before.
  expect(written.filter((one) => one.startsWith('m'))).toEqual(['m 8', 'm 3'])
  expect([written.length, fresh]).toEqual([4, 11])
})

it('tells an observer of batches, of landings and of failures', async () => {
  const told: (RefreshedBatch & { users: readonly string[] })[] = []
  const freshness: number[] = []
  const failures: unknown[] = []
  const observer = {
    refreshed: (batch: RefreshedBatch) => told.push({ ...batch, users: [...batch.users] }),
    written: (freshnessMs: number) => freshness.push(freshnessMs),
    failed: ({ model, users: of, encodeMs, appendMs }: FailedBatch) =>
      failures.push([model, [...of], encodeMs !== null, appendMs !== null]),
  }
  const startMs = performance.now()
  const models = [model, { ...model, name: 'n' }]
  const pooling = await withDue({ observer, models, batchSize: 8, maxRetries: 0 }, constantEncoder(1, 1))
  await pooling.drain()
  expect(told.map(({ model: name, rows, users: of }) => [name, rows, of.length])).toEqual([
    ['m', 8, 8],
    ['m', 3, 3],
  ])
  expect(told.flatMap((batch) => batch.users)).toEqual(users)
  expect(freshness).toHaveLength(11)
  const wholeMs = performance.now() - startMs
  for (const ms of freshness) expect(ms > 0 && ms <= wholeMs).toBe(true)
  for (const { encodeMs, appendMs } of told) expect(encodeMs >= 0 && appendMs >= 0).toBe(true)

  // A user is written once all models have it.
  await pooling.publish('n', { ...constantEncoder(2, 1), encode: () => Promise.reject(new Error('gone')) })
  pooling.offer('u00')
  clock.nowMs += 1
  await expect(pooling.drain()).rejects.toThrow('gone')
  expect([told.length, freshness.length, failures]).toEqual([3, 11, [['n', ['u00'], true, false]]])
})

it('tells of a store that failed how long it took, and of a row that cannot be made whose it is', async () => {
  const failures: (FailedBatch & { readonly of: readonly string[] })[] = []
  const observer = { failed: (batch: FailedBatch) => failures.push({ ...batch, of: [...batch.users] }) }
  const pooling = create({ observer, maxRetries: 0 })
  await pooling.publish('m', constantEncoder(1, 1))
  await pooling.ingest(['a', 'b'].map((user) => eventOf(user, 'i', clock.nowMs)))
  await memory.store.compareAndSetStates([[{ kind: 'user', key: 'torn', expected: 0, state: new Uint8Array(3) }]])
  pooling.offer('torn')
  clock.nowMs += 1
  await expect(pooling.drain()).rejects.toThrow('1 batches')
  expect(failures.splice(0).map(({ of, model: name, encodeMs }) => [of, name, encodeMs])).toEqual([
    [['torn'], null, null],
  ])
  expect(pooling.counters).toMatchObject({ refreshes: 2, failed: 1 })

  memory.store.append = async () => {
    const sinceMs = performance.now()
    while (performance.now() - sinceMs < 2);
    throw new Error('no disk')
  }
  pooling.offer('a')
  const startMs = performance.now()
  clock.nowMs += 1
  await expect(pooling.drain()).rejects.toThrow('no disk')
  const wholeMs = performance.now() - startMs
  const [{ of, model: name, encodeMs, appendMs }] = failures
  expect([of, name]).toEqual([['a'], 'm'])
  expect(appendMs).toBeGreaterThanOrEqual(2)
  expect(encodeMs).toBeGreaterThanOrEqual(0)
  expect(encodeMs! + appendMs!).toBeLessThanOrEqual(wholeMs)
})

it('counts freshness from before the process began, and none where the arrival is not known', async () => {
  const freshness: number[] = []
  const pooling = await withDue({ observer: { written: (ms) => freshness.push(ms) } }, constantEncoder(1, 1))
  const refreshOf = (user: string, askedMs: number) => {
    return { user, atMs: clock.nowMs, servedMs: Number.NaN, askedMs, askedBy: askedBy.news, failures: 0 }
  }
  const beforeMs = -3_600_000
  expect(await pooling.refresh('m', [refreshOf('u00', beforeMs), refreshOf('u01', Number.NaN)])).toEqual([])
  expect(pooling.counters.refreshes).toBe(2)
  expect(freshness).toHaveLength(1)
  expect(freshness[0]).toBeGreaterThanOrEqual(3_600_000)
  expect(freshness[0]).toBeLessThanOrEqual(performance.now() - beforeMs)
})

it('sends a share of the batches through a shadow, whose vectors do not land', async () => {
  const compared: [readonly string[], number[], number[]][] = []
  const shadow = encoderOf(9)
  const pooling = await withDue({ batchSize: 1 }, constantEncoder(1, 3))
  const onCompared = (of: readonly string[], live: Float32Array, other: Float32Array) => {
    compared.push([[...of], [...live], [...other]])
  }
  pooling.shadow('m', shadow, { share: 0.4, onCompared })
  await pooling.drain()
  // Four in ten, evenly: of batches 1, 2, 3 … those at which 0.4, 0.8, 1.2 … passes a whole number.
  expect(compared.map(([of]) => of)).toEqual([['u02'], ['u04'], ['u07'], ['u09']])
  expect(shadow.batches).toEqual(compared.map(([of]) => of))
  const row = space.allocate('user', 1)
  for (const [of, live, other] of compared) {
    const { states } = await memory.store.readStates('user', of)
    const [served] = (await pooling.read(of, ['m'])).models
    space.encodeUser(row, 0, states[0]!, served.featureTimeMs[0])
    expect(live).toEqual([3, 3, 3, 3])
    expect(other).toEqual([...Float32Array.from(embed(row, 0, 9))])
    expect([served.vectors[0], served.snapshot[0]]).toEqual([3, 1])
  }
  pooling.shadow('m', null)
  await pooling.released(shadow)
  pooling.offer('u00')
  clock.nowMs += 1
  await pooling.drain()
  expect(compared).toHaveLength(4)
  for (const share of [0, 1.5, Number.NaN]) {
    expect(() => pooling.shadow('m', shadow, { share, onCompared })).toThrow(PoolingConfigError)
  }
})

it('goes on where a shadow fails, or its listener does', async () => {
  const failures: unknown[] = []
  const observer = {
    failed: ({ users: of, error, isShadow }: FailedBatch) => failures.push([of.length, `${error}`, isShadow]),
  }
  const pooling = await withDue({ observer }, constantEncoder(1, 3))
  const gone: Encoder = { ...encoderOf(9), encode: () => Promise.reject(new Error('gone')) }
  pooling.shadow('m', gone, { share: 1, onCompared: () => {} })
  await pooling.drain()
  pooling.shadow('m', encoderOf(9), {
    share: 1,
    onCompared: () => {
      throw new Error('full')
    },
  })
  pooling.offer('u00')
  clock.nowMs += 1
  await pooling.drain()
  expect(failures).toEqual([
    [4, 'Error: gone', true],
    [4, 'Error: gone', true],
    [3, 'Error: gone', true],
    [1, 'Error: full', true],
  ])
  expect(pooling.counters).toMatchObject({ refreshes: 12, failed: 0 })
})

it('tells when an encoder is let go of', async () => {
  const old = heldEncoder(1, 1)
  const pooling = await withDue({}, old.encoder)
  let released = false
  const releasing = pooling.released(old.encoder).then(() => {
    released = true
  })
  const draining = pooling.drain()
  await old.called()
  await pooling.publish('m', constantEncoder(2, 2))
  for (let batch = 0; batch < 3; batch++) {
    await old.called()
    expect(released).toBe(false)
    old.release()
  }
  await draining
  await releasing
  await pooling.released(encoderOf(7))
  const last = pooling.released(pooling.latest('m')!)
  await pooling.close()
  await last
})
