import { expect, it } from 'vitest'
import { poolingInMemory } from '../../testing/pooling-in-memory.ts'
import { encoderOf, eventOf, profileSpace, startMs } from '../../testing/towers.ts'
import type { PoolingOptions } from '../index.ts'
import { MissedRefreshes } from './missed-refreshes.ts'
import { type AskedBy, askedBy } from './offer-queue.ts'

const memory = poolingInMemory()
const { clock, create, serveEvents } = memory

const hourMs = 3_600_000

/** A pooling with one place, which tells of what landed. */
async function withLandings(options: Partial<PoolingOptions> = {}) {
  const landings: [freshnessMs: number, wasMissed: boolean][] = []
  const written = (freshnessMs: number, wasMissed: boolean) => landings.push([freshnessMs, wasMissed])
  const pooling = create({ maxQueue: 1, refreshOn: 'both', observer: { written }, ...options })
  await pooling.publish('m', encoderOf(1))
  const drain = () => {
    clock.nowMs++
    return pooling.drain()
  }
  return { pooling, drain, landings }
}

it('lets a user who was shed keep the rank of what they are served, however many events follow', async () => {
  const pooling = create({ maxQueue: 1, refreshOn: 'event' })
  await pooling.publish('m', encoderOf(1))
  const happens = async (user: string, ms: number) => {
    clock.nowMs = startMs + ms
    await pooling.ingest([eventOf(user, 'i', clock.nowMs)])
  }
  const drain = async (ms: number) => {
    clock.nowMs = startMs + ms
    await pooling.drain()
  }
  const servedMs = async (user: string) => (await pooling.read([user], ['m'])).models[0].featureTimeMs[0] - startMs
  await happens('ann', 1)
  await drain(2)
  await happens('bob', 3)
  await drain(4)
  expect([await servedMs('ann'), await servedMs('bob')]).toEqual([1, 3])
  // A stranger has the only place: the events of ann are shed.
  await happens('cy', 10)
  await happens('ann', 11)
  await happens('ann', 12)
  expect(pooling.counters.shed).toBe(2)
  await drain(13)
  // By the events before theirs bob would be the staler one: 3, and 12 of ann.
  await happens('bob', 20)
  await happens('ann', 21)
  expect(pooling.counters.shed).toBe(3)
  await drain(22)
  expect([await servedMs('ann'), await servedMs('bob')]).toEqual([21, 3])
  // What landed is known again by the event before it: now bob is the staler one.
  await happens('bob', 30)
  await happens('ann', 31)
  await drain(32)
  expect([await servedMs('ann'), await servedMs('bob')]).toEqual([21, 30])
})

it('lets features of a user who was shed keep that rank, and tells that they were', async () => {
  const { pooling, drain, landings } = await withLandings({ space: profileSpace, refreshOn: 'event' })
  const happens = async (user: string, ms: number) => {
    clock.nowMs = startMs + ms
    await pooling.ingest([{ ...eventOf(user, 'i', clock.nowMs), values: [7, null, null] }])
  }
  await happens('ann', 1)
  await drain()
  await happens('bob', 3)
  await drain()
  await happens('cy', 10)
  await happens('ann', 11)
  await happens('ann', 12)
  expect(pooling.counters.shed).toBe(2)
  await drain()
  landings.length = 0
  // Ann is served what was known at 1, bob at 3.
  await happens('bob', 20)
  await pooling.putFeatures('ann', { country: 'NZ' }, clock.nowMs)
  await drain()
  const { featureTimeMs } = (await pooling.read(['ann', 'bob'], ['m'])).models[0]
  expect([...featureTimeMs].map((ms) => ms - startMs)).toEqual([20, 3])
  expect(landings).toEqual([[expect.any(Number), true]])
})

it('lets a user who was given up keep that rank', async () => {
  const pooling = create({ maxQueue: 1, maxRetries: 0, refreshOn: 'event' })
  let fails = false
  const encoder = encoderOf(1)
  const encode: typeof encoder.encode = async (...args) => {
    if (fails) throw new Error('the device is lost')
    return encoder.encode(...args)
  }
  await pooling.publish('m', { ...encoder, encode })
  await serveEvents(pooling, [
    ['ann', 1],
    ['bob', 3],
  ])
  fails = true
  clock.nowMs = startMs + 10
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)])
  clock.nowMs++
  await expect(pooling.drain()).rejects.toThrow('the device is lost')
  expect(pooling.waiting).toBe(0)
  fails = false
  clock.nowMs = startMs + 20
  await pooling.ingest([eventOf('bob', 'i', clock.nowMs)])
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)])
  clock.nowMs++
  await pooling.drain()
  const { featureTimeMs } = (await pooling.read(['ann', 'bob'], ['m'])).models[0]
  expect([...featureTimeMs].map((ms) => ms - startMs)).toEqual([20, 3])
})

it('counts freshness from the arrival of the event that was shed first, and tells that it was', async () => {
  const { pooling, drain, landings } = await withLandings()
  await pooling.ingest([eventOf('cy', 'i', clock.nowMs)])
  const sinceMs = performance.now()
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)], sinceMs - hourMs)
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)])
  expect(pooling.counters.shed).toBe(2)
  await drain()
  expect(landings.splice(0)).toEqual([[expect.any(Number), false]])
  // Whoever asks next, the news is of then.
  await pooling.read(['ann'], ['m'])
  await drain()
  const [[annMs, wasMissed]] = landings.splice(0)
  expect(annMs).toBeGreaterThanOrEqual(hourMs)
  expect(annMs).toBeLessThanOrEqual(hourMs + performance.now() - sinceMs)
  expect(wasMissed).toBe(true)
  // Once it is written nothing is left of it.
  const againMs = performance.now()
  await pooling.read(['ann'], ['m'])
  await drain()
  const [[nextMs, isMissedAgain]] = landings.splice(0)
  expect(nextMs).toBeLessThanOrEqual(performance.now() - againMs)
  expect(isMissedAgain).toBe(false)
  // What a caller had for a while has come before.
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)], performance.now() - hourMs)
  await drain()
  const [[heldMs]] = landings
  expect(heldMs).toBeGreaterThanOrEqual(hourMs)
})

it('counts a refresh of a read that an event joined, and that was displaced then, from that event', async () => {
  const { pooling, drain, landings } = await withLandings()
  for (const user of ['ann', 'bob']) {
    await pooling.ingest([eventOf(user, 'i', clock.nowMs)])
    await drain()
  }
  landings.length = 0
  await pooling.read(['ann'], ['m'])
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)], performance.now() - hourMs)
  expect(pooling.counters.coalesced).toBe(1)
  pooling.offer('stranger')
  expect([pooling.counters.shed, pooling.waiting]).toEqual([1, 1])
  await drain()
  expect(landings).toEqual([])
  await pooling.read(['ann'], ['m'])
  await drain()
  const [[annMs, wasMissed]] = landings
  expect(annMs).toBeGreaterThanOrEqual(hourMs)
  expect(wasMissed).toBe(true)
})

it('counts nothing from a read that was shed, as it brings no news', async () => {
  const { pooling, drain, landings } = await withLandings()
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)])
  await drain()
  await pooling.ingest([eventOf('cy', 'i', clock.nowMs)])
  await pooling.read(['ann'], ['m'])
  expect(pooling.counters.shed).toBe(1)
  await drain()
  landings.length = 0
  const askedMs = performance.now()
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)])
  await drain()
  const [[annMs, wasMissed]] = landings
  expect(annMs).toBeLessThanOrEqual(performance.now() - askedMs)
  expect(wasMissed).toBe(false)
})

it.each([0, 3])(
  'counts what failed by the newer refresh that waited meanwhile, once (%i retries)',
  async (maxRetries) => {
    const freshness: number[] = []
    const pooling = create({ maxRetries, refreshOn: 'event', observer: { written: (ms) => freshness.push(ms) } })
    let duringFirst: (() => Promise<void>) | null = async () => {
      clock.nowMs++
      await pooling.ingest([eventOf('ann', 'i', clock.nowMs)])
    }
    const encoder = encoderOf(1)
    const encode: typeof encoder.encode = async (...args) => {
      const during = duringFirst
      duringFirst = null
      await during?.()
      if (during !== null) throw new Error('the device is lost')
      return encoder.encode(...args)
    }
    await pooling.publish('m', { ...encoder, encode })
    await pooling.ingest([eventOf('ann', 'i', clock.nowMs)], performance.now() - hourMs)
    clock.nowMs++
    await expect(pooling.drain()).rejects.toThrow('the device is lost')
    expect(pooling.counters).toMatchObject({ coalesced: 1, retried: 0 })
    clock.nowMs++
    await pooling.drain()
    expect(freshness).toHaveLength(1)
    expect(freshness[0]).toBeGreaterThanOrEqual(hourMs)
    // The news of an hour ago is written.
    await pooling.ingest([eventOf('ann', 'i', clock.nowMs)])
    clock.nowMs++
    await pooling.drain()
    expect(freshness[1]).toBeLessThan(hourMs)
  },
)

it('lets the refresh behind one that is given up bring what that was to bring', async () => {
  const landings: [freshnessMs: number, wasMissed: boolean][] = []
  const written = (freshnessMs: number, wasMissed: boolean) => landings.push([freshnessMs, wasMissed])
  const pooling = create({ maxRetries: 0, observer: { written } })
  const encoder = encoderOf(1)
  let fail = (_error: Error) => {}
  let calls = 0
  const encode: typeof encoder.encode = async (...args) => {
    if (calls++ > 0) return encoder.encode(...args)
    return new Promise((_, reject) => {
      fail = reject
    })
  }
  await pooling.publish('m', { ...encoder, encode })
  pooling.listen(() => {})
  const begin = async (arrivedMs?: number) => {
    await pooling.ingest([eventOf('ann', 'i', clock.nowMs)], arrivedMs)
    clock.nowMs++
    return (await pooling.refreshDue())!
  }
  const first = await begin(performance.now() - hourMs)
  const second = await begin()
  expect(pooling.waiting).toBe(0)
  fail(new Error('the device is lost'))
  await expect(first.written).rejects.toThrow('the device is lost')
  await second.written
  const third = await begin()
  await third.written
  expect(landings.map(([freshnessMs, wasMissed]) => [freshnessMs < hourMs, wasMissed])).toEqual([
    [true, false],
    [true, false],
  ])
})

it('lets a retry bring what was shed while it was on its way, once', async () => {
  const freshness: number[] = []
  const pooling = create({ maxQueue: 2, refreshOn: 'event', observer: { written: (ms) => freshness.push(ms) } })
  let fails = true
  const encoder = encoderOf(1)
  const encode: typeof encoder.encode = async (...args) => {
    if (!fails) return encoder.encode(...args)
    fails = false
    // A stranger has the only place beside the one that ann's first refresh holds.
    await pooling.ingest([eventOf('cy', 'i', clock.nowMs)])
    await pooling.ingest([eventOf('ann', 'i', clock.nowMs)], performance.now() - hourMs)
    expect(pooling.counters.shed).toBe(1)
    throw new Error('the device is lost')
  }
  await pooling.publish('m', { ...encoder, encode })
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)])
  clock.nowMs++
  await expect(pooling.drain()).rejects.toThrow('the device is lost')
  expect(pooling.counters.retried).toBe(1)
  clock.nowMs += 200
  await pooling.drain()
  expect(freshness).toHaveLength(2)
  expect(Math.max(...freshness)).toBeGreaterThanOrEqual(hourMs)
  await pooling.ingest([eventOf('ann', 'i', clock.nowMs)])
  clock.nowMs++
  await pooling.drain()
  expect(freshness[2]).toBeLessThan(hourMs)
})

it('remembers so many users, the latest, and each at their oldest', () => {
  const missed = new MissedRefreshes(2)
  const miss = (user: string, servedMs: number, askedMs: number, by: AskedBy = askedBy.news) =>
    missed.add({ user, servedMs, askedMs, askedBy: by, atMs: 0, failures: 0 })
  miss('a', 5, 100)
  miss('b', 7, 102)
  miss('b', 9, 101)
  miss('c', 1, 103)
  expect(missed.take('a')).toBeUndefined()
  expect(missed.take('b')).toMatchObject({ servedMs: 7, newsMs: 101 })
  expect(missed.take('b')).toBeUndefined()
  expect(missed.take('c')).toMatchObject({ servedMs: 1, newsMs: 103 })
  // What landed ends what was missed before it, and no more.
  miss('d', 3, 104)
  miss('d', 2, 106)
  const waited = { user: 'd', servedMs: 0, askedBy: askedBy.news, atMs: 0, failures: 0 }
  missed.written({ ...waited, askedMs: 105 })
  expect(missed.take('d')).toMatchObject({ servedMs: 2, newsMs: 104 })
  miss('d', 3, 104)
  missed.written({ ...waited, askedMs: 105 })
  expect([missed.isEmpty, missed.take('d')]).toEqual([true, undefined])
  miss('d', 3, 104)
  missed.take('d')
  expect(missed.take('d')).toBeUndefined()
  miss('e', 4, 105, askedBy.read)
  miss('f', 4, 105, askedBy.read)
  miss('f', 6, 106, askedBy.missed)
  expect(missed.take('e')).toMatchObject({ servedMs: 4, newsMs: Number.POSITIVE_INFINITY })
  expect(missed.take('f')).toMatchObject({ servedMs: 4, newsMs: 106 })
})
