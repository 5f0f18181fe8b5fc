import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Weights } from '../parameters.ts'
import { referenceEmbeddings } from '../testing/reference-tower.ts'
import { randomBatch, randomizeWeights, sliceBatch, tinyTowers } from '../testing/tiny-towers.ts'
import { declareTower } from './tower.ts'
import { UserEncoder } from './user-encoder.ts'

const tower = tinyTowers['bags, sequence, three tasks']
let device: GpuDevice
let weights: Weights
let values: Map<string, Float64Array>
let encoder: UserEncoder
beforeAll(async () => {
  device = await requestDevice({ label: 'encoder tests' })
  const { set, user } = declareTower(tower.user, tower.item, tower.tasks, tower.config)
  weights = new Weights(device, set, false)
  values = randomizeWeights(weights, seededRandom(1))
  encoder = new UserEncoder(device, user, weights)
})
afterAll(() => device.destroy())

const batch = randomBatch(tower.user, 400, seededRandom(2))
const rows = (from: number, to: number) => sliceBatch(tower.user, batch, from, to)

it('encodes as the float64 implementation does', async () => {
  await encoder.warm()
  const allocatedBytes = device.allocatedBytes
  const got = await encoder.encode(rows(0, 30))
  expect(device.allocatedBytes).toBe(allocatedBytes)
  expect(got).toHaveLength(30 * encoder.dim)
  for (let r = 0; r < 30; r++)
    for (const [d, want] of referenceEmbeddings(tower, values, batch, r).entries())
      expect(got[r * encoder.dim + d]).toBeCloseTo(want, 4)
})

it('gives a row the same bits in every bucket, alone and in any company', async () => {
  const all = await encoder.encode(rows(0, 400))
  const { dim } = encoder
  for (const [from, to] of [
    [0, 1],
    [0, 16],
    [37, 53],
    [100, 117],
    [150, 278],
    [80, 400],
  ])
    expect(await encoder.encode(rows(from, to))).toEqual(all.slice(from * dim, to * dim))
})

it('keeps calls apart that are made at once', async () => {
  const { dim } = encoder
  const all = await encoder.encode(rows(0, 400))
  const parts = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => encoder.encode(rows(i * 3, i * 3 + 10))))
  for (const [i, part] of parts.entries()) expect(part).toEqual(all.slice(i * 3 * dim, (i * 3 + 10) * dim))
})

it('refuses more rows than it has plans for, and goes on', async () => {
  const large = randomBatch(tower.user, encoder.maxRows + 1, seededRandom(3))
  await expect(encoder.encode(large)).rejects.toThrow(RangeError)
  expect(await encoder.encode(sliceBatch(tower.user, large, 0, encoder.maxRows))).toHaveLength(512 * encoder.dim)
  expect(await encoder.encode(rows(0, 0))).toHaveLength(0)
})

it('gives its memory back', async () => {
  const before = device.allocatedBytes
  const other = new UserEncoder(device, encoder.tower, weights)
  await other.encode(rows(0, 3))
  await other.encode(rows(0, 100))
  expect(device.allocatedBytes).toBeGreaterThan(before)
  other.dispose()
  expect(device.allocatedBytes).toBe(before)
})
