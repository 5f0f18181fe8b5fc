import { BatchError, BatchNumberError } from '@headwater/features'
import { DeviceLostError, type GpuDevice, requestDevice } from '@headwater/gpu'
import { type AffineMap, readSnapshot, SnapshotError } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as reading from '../reading-version.ts'
import {
  publishedConfig,
  publishedDim,
  publishedSpace,
  publishRandomTower,
  randomMap,
} from '../testing/published-tower.ts'
import { randomBatch } from '../testing/tiny-towers.ts'
import { ServedTowerError } from './errors.ts'
import { loadMixTower } from './served-mix.ts'

const J = publishedDim
const random = seededRandom(3)
const items = randomBatch(publishedSpace.item, 600, random)
const embeddings = Float32Array.from({ length: 600 * J }, () => random.nextNormal())

const scale = (i: number) => (i < 12 ? 2 : 0.5)
/** A permutation of the coordinates, half of them times 2, half by 2, and a shift: its way back is known. */
const swap: AffineMap = {
  dim: J,
  weight: Float32Array.from({ length: J * J }, (_, at) =>
    at % J === (Math.floor(at / J) + 5) % J ? scale(Math.floor(at / J)) : 0,
  ),
  bias: Float32Array.from({ length: J }, (_, j) => j / 10),
}
const ownOf = (published: Float32Array) =>
  Array.from({ length: J }, (_, i) => (published[(i + 5) % J] - swap.bias[(i + 5) % J]) / scale(i))

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'mix tower tests' })
})
afterAll(() => device.destroy())

it.each([
  ['as the tower has them', null],
  ['lined up with an older snapshot', swap],
])('predicts what the reading version does of embeddings %s, for one user and for many', async (_, alignment) => {
  const snapshot = await readSnapshot(await publishRandomTower(temporaryDirectory(), { alignment }))
  const before = device.allocatedBytes
  const mix = await loadMixTower(snapshot, { device })
  await mix.warm(600)
  const warmBytes = device.allocatedBytes
  const wanted = (e: Float32Array, r: number) => {
    const own = alignment ? ownOf(e) : [...e]
    const [logit] = reading.mixTower(
      snapshot.matrices,
      publishedConfig,
      own,
      reading.rowAt(publishedSpace.item, items, r),
    )
    return 1 / (1 + Math.exp(-logit))
  }
  const [one, each] = [embeddings.subarray(0, J), (r: number) => embeddings.subarray(r * J, (r + 1) * J)]
  const [ofOne, ofEach] = await Promise.all([mix.predict(one, items), mix.predict(embeddings, items)])
  expect([ofOne.length, ofEach.length]).toEqual([600, 600])
  for (let r = 0; r < 600; r++) {
    expect(ofOne[r], `row ${r}`).toBeCloseTo(wanted(one, r), 5)
    expect(ofEach[r], `row ${r} of many users`).toBeCloseTo(wanted(each(r), r), 5)
  }
  expect(await mix.predict(one, { ...items, rows: 0 })).toHaveLength(0)
  expect(device.allocatedBytes).toBe(warmBytes)
  mix.dispose()
  expect(device.allocatedBytes).toBe(before)
})

it('refuses what it cannot rank, and goes on', async () => {
  const model = temporaryDirectory()
  const directory = await publishRandomTower(model)
  const mix = await loadMixTower(directory)
  const one = embeddings.subarray(0, J)
  await expect(mix.predict(embeddings, { ...items, rows: 599 })).rejects.toThrow(BatchError)
  await expect(
    mix.predict(
      one.map((x, j) => (j === 7 ? Number.NaN : x)),
      items,
    ),
  ).rejects.toMatchObject({
    name: BatchNumberError.name,
    row: 0,
    feature: 'number 7 of the embeddings',
  })
  await expect(mix.predict(one, { ...items, rows: 3, bags: [] })).rejects.toThrow(BatchError)
  expect(await mix.predict(one, items)).toHaveLength(600)
  const pending = mix.predict(one, items)
  mix.device.gpuDevice.destroy()
  await expect(pending).rejects.toThrow(DeviceLostError)
  mix.dispose()
  await expect(mix.predict(one, items)).rejects.toThrow(ServedTowerError)

  const before = device.allocatedBytes
  const tilted = await publishRandomTower(model, { snapshot: 2, alignment: randomMap(random) })
  await expect(loadMixTower(tilted, { device })).rejects.toThrow(SnapshotError)
  await expect(loadMixTower(tilted, { device })).rejects.toThrow(/is no rotation of 24 numbers/)
  expect(device.allocatedBytes).toBe(before)
})
