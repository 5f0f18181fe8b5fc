/** Over real processes, a real pooling and store; the vectors are plain, so that a test can say what must come out. */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createPooling,
  type Pooling,
  type Refresher,
  SnapshotRefusedError,
  servedStatus,
  startRefreshing,
} from '@headwater/pooling'
import { promoteSnapshot, servedSnapshot, serveSnapshot } from '@headwater/snapshot'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Behaviour, behaviourFile } from '../../testing/plain-backend.ts'
import { publishRandom, type RandomSnapshotOptions, schema, space } from '../../testing/random-snapshot.ts'
import { startEncoder } from '../index.ts'
import type { EncoderProcess } from '../process/encoder-process.ts'
import { type FollowedModel, type FollowModelOptions, followModel } from './followed-model.ts'

const dim = 24
const names = ['ann', 'bob', 'cy']

let encoder: EncoderProcess
beforeAll(async () => {
  const backend = new URL('../../testing/plain-backend.ts', import.meta.url)
  encoder = await startEncoder({ backend, backOff: { firstMs: 20 } })
})
afterAll(() => encoder.close())

let directory: string
let pooling: Pooling
let refresher: Refresher
let model: FollowedModel
let errors: unknown[]
let swaps: number[][]
const closers: (() => unknown)[] = []
beforeEach(async () => {
  directory = join(temporaryDirectory(), 'model')
  errors = []
  swaps = []
  const store = await openStore('memory:')
  const policy = { slot: 'snapshot', count: 1 } as const
  pooling = createPooling({
    store,
    space,
    models: [{ name: 'sum', dim, policy }],
    clock: Date,
    refreshDelayMs: 0,
    refreshOn: 'both',
  })
  refresher = startRefreshing(pooling)
  closers.push(
    () => store.close(),
    () => pooling.close(),
    () => refresher.stop(),
  )
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** In one step, as whoever promotes does: the directory is looked at all the time. */
function writePointer(directory: string, served: readonly object[]): void {
  const path = join(directory, 'current.json')
  writeFileSync(`${path}.new`, JSON.stringify({ format: 1, served }))
  renameSync(`${path}.new`, path)
}
const behave = (snapshot: string, behaviour: Behaviour) => writeFileSync(behaviourFile(snapshot), behaviour)
const publish = (snapshot: number, options?: RandomSnapshotOptions) => publishRandom(directory, snapshot, options)

async function follow(options: Partial<FollowModelOptions> = {}): Promise<void> {
  const onSwapped = (...swap: number[]) => swaps.push(swap)
  const onError = (error: unknown) => errors.push(error)
  model = await followModel({ encoder, directory, name: 'sum', pollMs: 5, onSwapped, onError, ...options })
  await model.publishTo([pooling])
  closers.push(() => model.stop())
  let row = 0
  await pooling.ingest(
    names.map((user) => ({ row: row++, user, item: 'i', timeMs: Date.now(), values: schema.fields.map(() => null) })),
  )
}

async function until(seen: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await seen())) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Reads and so refreshes all users until each is served from the snapshot. */
async function untilServedFrom(snapshot: number): Promise<void> {
  await until(async () => {
    const { models } = await pooling.read(names, ['sum'])
    // What is served must be what that snapshot's plain vectors begin with.
    for (const [row, from] of models[0].snapshot.entries())
      if (models[0].status[row] !== servedStatus.default) expect(models[0].vectors[row * dim]).toBe(from)
    return models[0].snapshot.every((one) => one === snapshot)
  })
}

const states = async () => (await model.snapshots()).map(({ snapshot, state }) => [snapshot, state])

describe('a followed model', () => {
  test('is swapped under load: no read fails or loses a user, and the old snapshot goes with its last batch', async () => {
    const first = await publish(1)
    await follow()
    await untilServedFrom(1)
    behave(first, 'slow')
    const old = model.served
    // A batch is on its way through the old one when the new one takes over.
    for (const user of names) pooling.offer(user)
    await new Promise((resolve) => setTimeout(resolve, 15))
    await publish(2)
    let reads = 0
    let isSwapped = false
    const reading = (async () => {
      while (!isSwapped) {
        const { status } = (await pooling.read(names, ['sum'])).models[0]
        expect([...status]).toEqual(names.map(() => servedStatus.fresh))
        reads++
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    await serveSnapshot(directory, 2, 'gate')
    await untilServedFrom(2)
    isSwapped = true
    await reading
    expect(reads).toBeGreaterThan(10)
    expect(swaps).toEqual([[2, 1]])
    // Nothing failed, so no batch met a snapshot that was gone.
    await until(() =>
      old.encode({ ...space.allocate('user', 1) }).then(
        () => false,
        () => true,
      ),
    )
    expect(refresher.errors).toBe(0)
    expect(errors).toEqual([])
  })

  test('goes on where the encoder is killed under load', async () => {
    await publish(1)
    await follow()
    await untilServedFrom(1)
    const before = pooling.counters.refreshes
    const { restarts, pid } = encoder.status()
    process.kill(pid!, 'SIGKILL')
    await until(async () => {
      const { status } = (await pooling.read(names, ['sum'])).models[0]
      expect([...status]).toEqual(names.map(() => servedStatus.fresh))
      return encoder.status().restarts > restarts && pooling.counters.refreshes > before + names.length
    })
  })

  test('is promoted and rolled back, in the directory and in this process', async () => {
    await publish(1)
    await follow()
    expect(model.drift()).toBeNull()
    await publish(2, { centredCosine: 0.9 })
    await publish(3, { centredCosine: 0.2, frame: 3 })
    await until(() => model.served.snapshot === 3)
    const drift = { residual: 0.1, centredCosine: 0.2, varianceKept: 0.9, effectiveRank: 3 }
    expect(model.drift()).toEqual(drift)
    expect((await model.snapshots()).map((own) => own.drift)).toEqual([null, { ...drift, centredCosine: 0.9 }, drift])
    await model.promote(2)
    expect(model.drift()).toEqual({ ...drift, centredCosine: 0.9 })
    expect(await servedSnapshot(directory)).toBe(2)
    expect(await states()).toEqual([
      [1, 'available'],
      [2, 'served'],
      [3, 'available'],
    ])
    await untilServedFrom(2)
    expect(await model.rollback()).toBe(3)
    expect(await servedSnapshot(directory)).toBe(3)
    await untilServedFrom(3)
    // Asked again, say as the answer was lost, it is served already, and what it goes back to stays the same.
    await model.promote(3)
    expect(swaps.slice(-2)).toEqual([
      [2, 3],
      [3, 2],
    ])
    expect(errors).toEqual([])
  })

  test('refuses what cannot be served, asked or by the directory, and the one before goes on', async () => {
    await publish(1)
    await serveSnapshot(directory, 1, 'gate')
    await follow()
    await untilServedFrom(1)
    rmSync(join(await publish(2), 'weights.safetensors'))
    await publish(3, { verdict: 'held' })
    await publish(4, { schema: { ...schema, name: 'another' } })
    await publish(5, { width: 24 })
    const cases: [number, RegExp, string?][] = [
      [2, /weights/],
      [3, /is held: The test holds it\./],
      [4, /another schema/],
      [5, /gives 48 values, not 24/],
      [6, /no snapshot 6/, 'UnknownSnapshotError'],
    ]
    for (const [snapshot, message, name = 'SnapshotRefusedError'] of cases) {
      const refusal = { name, message: expect.stringMatching(message) }
      await expect(model.promote(snapshot)).rejects.toMatchObject(refusal)
      expect(await servedSnapshot(directory)).toBe(1)
      const pointer = { snapshot, sinceMs: snapshot, by: 'gate' }
      writePointer(directory, [{ ...pointer, snapshot: 1 }, pointer])
      await until(() => errors.length > 0)
      // Told once, not at every look.
      await new Promise((resolve) => setTimeout(resolve, 30))
      expect(errors.splice(0)).toEqual([expect.objectContaining(refusal)])
      expect(model.served.snapshot).toBe(1)
      // The directory goes back; this process never left.
      expect(await model.rollback()).toBe(1)
    }
    expect(swaps).toEqual([])
    await expect(model.rollback()).rejects.toMatchObject({ name: 'SnapshotRefusedError' })
    // What the gate held, a person may serve.
    await promoteSnapshot(directory, 3, true)
    await untilServedFrom(3)
    expect(errors).toEqual([])
  })

  test('tries a snapshot with which the encoder ends three times, and goes on with the one before', async () => {
    await publish(1)
    await serveSnapshot(directory, 1, 'gate')
    await follow()
    await untilServedFrom(1)
    behave(await publish(2), 'crash-loading')
    await serveSnapshot(directory, 2, 'gate')
    await until(() => errors.some((error) => error instanceof SnapshotRefusedError))
    // Not once more: its turn would have come many times.
    await new Promise((resolve) => setTimeout(resolve, 100))
    const died = expect.objectContaining({ name: 'EncoderDiedError' })
    const refused = expect.objectContaining({ message: expect.stringMatching(/snapshot 2 ended the encoder 3 times/) })
    expect(errors.splice(0)).toEqual([died, died, refused])
    expect(model.served.snapshot).toBe(1)
    // The encoder came back with it.
    await untilServedFrom(1)
    await publish(3)
    await serveSnapshot(directory, 3, 'gate')
    await untilServedFrom(3)
    expect(errors).toEqual([])
  })

  test('starts with the newest that is not refused, and tells what is wrong with those after it', async () => {
    await publish(1)
    await publish(2)
    rmSync(join(await publish(3), 'weights.safetensors'))
    await publish(4, { verdict: 'held' })
    behave(await publish(5), 'crash')
    const point = (...served: [snapshot: number, by?: string][]) => {
      const entries = served.map(([snapshot, by = 'gate'], i) => ({ snapshot, sinceMs: i, by }))
      writePointer(directory, entries)
    }
    point([1], [2], [3], [4], [5], [6])
    await follow()
    expect(model.served.snapshot).toBe(2)
    await untilServedFrom(2)
    const died = expect.objectContaining({ name: 'EncoderDiedError' })
    const refused = (message: RegExp, name = 'SnapshotRefusedError') =>
      expect.objectContaining({ name, message: expect.stringMatching(message) })
    const told = [
      ...[
        died,
        died,
        refused(/no snapshot 6/, 'UnknownSnapshotError'),
        refused(/snapshot 5 ended the encoder 3 times/),
      ],
      ...[refused(/is held: The test holds it\./), refused(/weights/)],
    ]
    // Told once, not at every look.
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(errors.splice(0)).toEqual(told)
    await model.stop()

    // What a person chose is served although it is held.
    point([1], [4, 'promote'])
    await follow()
    expect(model.served.snapshot).toBe(4)
    await model.stop()

    // What fails for a reason that may pass is tried again, as by a server that runs.
    const failing = await publish(8)
    behave(failing, 'fail')
    point([1], [8])
    await follow()
    expect(model.served.snapshot).toBe(1)
    await until(() => errors.length > 1)
    expect(errors).toContainEqual(expect.objectContaining({ name: 'EncodeError', message: 'the test says no' }))
    rmSync(behaviourFile(failing))
    await until(() => model.served.snapshot === 8)
    await model.stop()

    errors.splice(0)
    point([3], [4])
    await expect(follow()).rejects.toMatchObject({ name: 'SnapshotRefusedError', message: /is held/ })
    expect(errors).toEqual([refused(/weights/)])
    await expect(follow({ directory: join(directory, 'none') })).rejects.toMatchObject({ name: 'ServedSnapshotError' })
  })

  test('compares a shadow on live traffic until it is served, and lands nothing of it', async () => {
    await publish(1)
    await serveSnapshot(directory, 1, 'gate')
    const shadowed: number[][] = []
    const onShadowed: FollowModelOptions['onShadowed'] = (shadow, served, panel) =>
      shadowed.push([shadow.snapshot, served.snapshot, panel!.users])
    const figures = {
      residual: 0.3,
      centredCosine: 0.95,
      varianceKept: 0.9,
      effectiveRank: 3,
      oldNorm: 13,
      newNorm: 14,
    }
    const comparePanel: FollowModelOptions['comparePanel'] = async (shadow, served) => ({
      ...figures,
      users: 10 * shadow.snapshot + served.snapshot,
    })
    await follow({ shadow: { snapshot: 'latest-held', share: 1 }, comparePanel, onShadowed })
    expect(model.shadow()).toBeNull()
    await publish(2, { verdict: 'held', frame: 2 })
    await publish(3)
    await until(() => model.shadow() !== null)
    expect(await states()).toEqual([
      [1, 'served'],
      [2, 'shadow'],
      [3, 'available'],
    ])
    await untilServedFrom(1)
    await until(async () => {
      await pooling.read(names, ['sum'])
      return model.shadow()!.rows >= 20
    })
    // A user's plain vectors differ in the first number alone: (1, s, …) and (2, s, …), s the same sum for both.
    const { vectors } = (await pooling.read(['ann'], ['sum'])).models[0]
    const square = [...vectors.subarray(1)].reduce((sum, value) => sum + value ** 2, 0)
    const report = model.shadow()!
    expect(report).toMatchObject({ snapshot: 2, sameFrame: false, panel: { users: 21, ...figures } })
    expect(report.cosineMean).toBeCloseTo((2 + square) / Math.sqrt((1 + square) * (4 + square)), 2)
    expect(report.cosineP1).toBeCloseTo(report.cosineMean, 2)
    expect(report.normRatioMean).toBeCloseTo(Math.sqrt((4 + square) / (1 + square)), 2)
    expect(shadowed).toEqual([[2, 1, 21]])

    await promoteSnapshot(directory, 2, true)
    await untilServedFrom(2)
    await until(() => model.shadow() === null)
    expect(errors).toEqual([])
  })
})
