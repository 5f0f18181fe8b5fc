import { bucketOf, type SideBatch } from '@headwater/features'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { constantEncoder, dim, encoderOf, fakeClock, policy, profileSpace, startMs } from '../../testing/towers.ts'
import {
  createPooling,
  type Encoder,
  type FailedBatch,
  PoolingConfigError,
  type PoolingOptions,
  SnapshotRefusedError,
} from '../index.ts'
import { rulesOf } from '../options/options.ts'
import { ColdDefaults, maxSegments } from './cold-defaults.ts'

let store: EmbeddingStore
const clock = fakeClock()
beforeEach(async () => {
  clock.nowMs = startMs
  store = await openStore('memory:')
})
afterEach(() => store.close())

const plain = { name: 'm', dim, policy }
const segmented = { ...plain, segmentField: 'country' }
const create = (options: Partial<PoolingOptions> = {}) =>
  createPooling({ store, space: profileSpace, models: [segmented], clock, batchSize: 3, ...options })

const countryBag = profileSpace.user.bags.findIndex(({ name }) => name === 'country')
/** Snapshot, whether the user is known, and the country's bucket: what a default depends on. */
function tellingEncoder(snapshot: number): Encoder {
  return {
    ...constantEncoder(snapshot, 0),
    encode: async (batch: SideBatch) => {
      const rows: number[] = []
      const columns = profileSpace.user.dense.length
      for (let row = 0; row < batch.rows; row++) {
        const known = batch.dense[row * columns + profileSpace.user.dense.indexOf('known')]
        rows.push(snapshot, known, batch.bags[countryBag].ids[row], batch.sequence!.lengths[row])
      }
      return Float32Array.from(rows)
    },
  }
}
const bucket = (country: string) => bucketOf('country', country, 997)
const served = async (pooling: ReturnType<typeof create>, segments?: (string | null)[]) => {
  const users = (segments ?? [null]).map((_, i) => `cold-${i}`)
  const { vectors } = (await pooling.read(users, ['m'], segments && { segments })).models[0]
  return users.map((_, u) => [...vectors.subarray(u * dim, (u + 1) * dim)])
}
const patience = { timeout: 20_000, interval: 1 }

/** A pooling whose first snapshot keeps its calls for segments until they are told how to end. */
async function withHeld() {
  const failures: string[] = []
  const pooling = create({ observer: { failed: ({ error }) => failures.push(`${error}`) } })
  const good = tellingEncoder(1)
  const ends: ((error: Error | null) => void)[] = []
  const held = {
    calls: 0,
    called: () => vi.waitFor(() => expect(ends).toHaveLength(1), patience),
    release: () => ends.shift()!(null),
    fail: () => ends.shift()!(new Error('the device is lost')),
  }
  const encode: Encoder['encode'] = async (...args) => {
    if (pooling.latest('m') !== undefined) {
      held.calls++
      const error = await new Promise<Error | null>((resolve) => ends.push(resolve))
      if (error !== null) throw error
    }
    return good.encode(...args)
  }
  await pooling.publish('m', { ...good, encode })
  return { pooling, held, failures }
}
const completed = () => new Promise((resolve) => setTimeout(resolve, 5))

it('serves strangers zeros at first, then what the latest tower makes of a user without events', async () => {
  const pooling = create({ models: [plain] })
  expect(await served(pooling)).toEqual([[0, 0, 0, 0]])
  await pooling.publish('m', tellingEncoder(3))
  expect(await served(pooling)).toEqual([[3, 0, 0, 0]])
  await pooling.publish('m', tellingEncoder(4))
  expect(await served(pooling)).toEqual([[4, 0, 0, 0]])
})

it('serves a vector that was given to all strangers, whatever is published', async () => {
  const defaultVector = Float32Array.of(1, 2, 3, 4)
  const pooling = create({ models: [{ ...plain, defaultVector }] })
  const encoder = encoderOf(3)
  await pooling.publish('m', encoder)
  expect(await served(pooling)).toEqual([[1, 2, 3, 4]])
  expect(encoder.batches).toEqual([])
})

it('gives each segment that it has met a default of its own, off the read path', async () => {
  const pooling = create()
  expect(await served(pooling, ['NZ'])).toEqual([[0, 0, 0, 0]])
  await pooling.putFeatures('u', { country: 'PE' }, startMs)
  await pooling.publish('m', tellingEncoder(1))
  expect(await served(pooling, ['PE', null, 'NZ', 'FI'])).toEqual([
    [1, 0, bucket('PE'), 0],
    [1, 0, 0, 0],
    [1, 0, bucket('NZ'), 0],
    // Met only now.
    [1, 0, 0, 0],
  ])
  await completed()
  expect(await served(pooling, ['FI'])).toEqual([[1, 0, bucket('FI'), 0]])
  await pooling.publish('m', tellingEncoder(2))
  expect(await served(pooling, ['FI', 'PE'])).toEqual([
    [2, 0, bucket('FI'), 0],
    [2, 0, bucket('PE'), 0],
  ])
})

it('bounds the segments', async () => {
  const pooling = create({ batchSize: 256 })
  await pooling.publish('m', tellingEncoder(1))
  await served(
    pooling,
    Array.from({ length: maxSegments + 3 }, (_, i) => `c${i}`),
  )
  await completed()
  const [last, over] = await served(pooling, [`c${maxSegments - 1}`, `c${maxSegments}`])
  expect([last, over]).toEqual([
    [1, 0, bucket(`c${maxSegments - 1}`), 0],
    [1, 0, 0, 0],
  ])
})

it('makes room at a snapshot for what is named now', async () => {
  const dayMs = 86_400_000
  const pooling = create({ batchSize: 256 })
  await pooling.publish('m', tellingEncoder(1))
  const old = Array.from({ length: maxSegments }, (_, i) => `c${i}`)
  await served(pooling, old)
  await completed()
  clock.nowMs = startMs + dayMs
  await served(pooling, ['c7'])
  clock.nowMs += 1
  // For want of room it is not remembered.
  expect(await served(pooling, ['new'])).toEqual([[1, 0, 0, 0]])
  await pooling.publish('m', tellingEncoder(2))
  await served(pooling, ['new'])
  await completed()
  expect(await served(pooling, ['new', 'c7', 'c8'])).toEqual([
    [2, 0, bucket('new'), 0],
    [2, 0, bucket('c7'), 0],
    [2, 0, 0, 0],
  ])
})

it('tries again where an encoder failed to make a default, a second later, and leaves other models be', async () => {
  const failures: unknown[] = []
  const models = [segmented, { ...segmented, name: 'n' }]
  const failed = ({ model, users, error }: FailedBatch) => failures.push([model, users, `${error}`])
  const pooling = create({ models, observer: { failed } })
  const good = tellingEncoder(1)
  let fails = false
  const encode: Encoder['encode'] = async (...args) => {
    if (fails) throw new Error('the device is lost')
    return good.encode(...args)
  }
  await pooling.publish('m', { ...good, encode })
  await pooling.publish('n', good)
  const of = async (model: string) => [
    ...(await pooling.read(['cold'], [model], { segments: ['NZ'] })).models[0].vectors,
  ]
  fails = true
  await Promise.all([of('m'), of('n')])
  await completed()
  expect([await of('m'), await of('n')]).toEqual([
    [1, 0, 0, 0],
    [1, 0, bucket('NZ'), 0],
  ])
  expect(failures).toEqual([['m', [], 'Error: the device is lost']])
  fails = false
  clock.nowMs += 999
  await of('m')
  await completed()
  expect(await of('m')).toEqual([1, 0, 0, 0])
  clock.nowMs += 1
  await of('m')
  await completed()
  expect(await of('m')).toEqual([1, 0, bucket('NZ'), 0])
})

it('waits that second from the failure, however long it took, and whoever named a segment meanwhile', async () => {
  const { pooling, held, failures } = await withHeld()
  expect(await served(pooling, ['NZ'])).toEqual([[1, 0, 0, 0]])
  await held.called()
  // A dead encoder takes half a minute to fail.
  clock.nowMs += 30_000
  expect(await served(pooling, ['FI'])).toEqual([[1, 0, 0, 0]])
  held.fail()
  await vi.waitFor(() => expect(failures).toEqual(['Error: the device is lost']), patience)
  clock.nowMs += 999
  await served(pooling, ['NZ', 'FI'])
  await completed()
  expect(held.calls).toBe(1)
  clock.nowMs += 1
  await served(pooling, ['NZ'])
  await held.called()
  held.release()
  await completed()
  expect(await served(pooling, ['NZ', 'FI'])).toEqual([
    [1, 0, bucket('NZ'), 0],
    [1, 0, bucket('FI'), 0],
  ])
  expect(held.calls).toBe(2)
})

it.each(['released', 'failed'])(
  'has nothing of the encoder before when it has %s after the next one came',
  async (end) => {
    const { pooling, held } = await withHeld()
    await served(pooling, ['NZ'])
    await held.called()
    await pooling.publish('m', tellingEncoder(2))
    // Named behind the publish, it waits for the call that is under way.
    expect(await served(pooling, ['NZ', 'FI'])).toEqual([
      [2, 0, bucket('NZ'), 0],
      [2, 0, 0, 0],
    ])
    if (end === 'failed') held.fail()
    else held.release()
    await completed()
    expect(await served(pooling, ['NZ', 'FI'])).toEqual([
      [2, 0, bucket('NZ'), 0],
      [2, 0, bucket('FI'), 0],
    ])
  },
)

it('asks the next encoder at once for what the one before failed to make', async () => {
  const { pooling, held, failures } = await withHeld()
  await served(pooling, ['NZ'])
  await held.called()
  held.fail()
  await vi.waitFor(() => expect(failures).toHaveLength(1), patience)
  await pooling.publish('m', tellingEncoder(2))
  await served(pooling, ['FI'])
  await completed()
  expect(await served(pooling, ['NZ', 'FI'])).toEqual([
    [2, 0, bucket('NZ'), 0],
    [2, 0, bucket('FI'), 0],
  ])
})

it('has itself completed once for all segments that are named until then', async () => {
  const [rule] = rulesOf([segmented], profileSpace.schema).values()
  const defaults = new ColdDefaults(profileSpace, rule, 3)
  expect(defaults.learn('PE', startMs)).toBe(false)
  await defaults.publish(tellingEncoder(1), startMs)
  expect(['PE', 'NZ', 'FI'].map((segment) => defaults.learn(segment, startMs))).toEqual([false, true, false])
  await defaults.complete(clock)
  expect([...defaults.vectorOf('FI')]).toEqual([1, 0, bucket('FI'), 0])
  expect(['NZ', 'FI', 'AU'].map((segment) => defaults.learn(segment, startMs))).toEqual([false, false, true])
})

it('gives a segment that is named while a snapshot is published the default of that snapshot', async () => {
  const pooling = create()
  await pooling.publish('m', tellingEncoder(1))
  const next = tellingEncoder(2)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const publishing = pooling.publish('m', { ...next, encode: async (...args) => held.then(() => next.encode(...args)) })
  expect(await served(pooling, ['NZ'])).toEqual([[1, 0, 0, 0]])
  release()
  await publishing
  await served(pooling, ['NZ'])
  await completed()
  expect(await served(pooling, ['NZ'])).toEqual([[2, 0, bucket('NZ'), 0]])
})

it('refuses a snapshot that gives no vector for a user without events, and goes on with the one before', async () => {
  const pooling = create()
  await pooling.publish('m', tellingEncoder(1))
  for (const encode of [async () => new Float32Array(dim).fill(Number.NaN), async () => new Float32Array(dim - 1)]) {
    await expect(pooling.publish('m', { ...constantEncoder(2, 0), encode })).rejects.toThrow(SnapshotRefusedError)
  }
  expect(pooling.latest('m')!.snapshot).toBe(1)
  expect(await served(pooling)).toEqual([[1, 0, 0, 0]])
})

it('refuses what does not fit', async () => {
  const withField = (segmentField: string, more = {}) => create({ models: [{ ...plain, segmentField, ...more }] })
  for (const field of ['age', 'rating', 'shoe']) expect(() => withField(field)).toThrow(/country/)
  expect(() => withField('country', { defaultVector: new Float32Array(dim) })).toThrow(PoolingConfigError)
  await expect(create().read(['a', 'b'], ['m'], { segments: ['NZ'] })).rejects.toThrow(PoolingConfigError)
})
