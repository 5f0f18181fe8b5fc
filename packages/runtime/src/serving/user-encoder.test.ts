import { type GpuDevice, OutOfMemoryError, Readback, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Weights } from '../parameters/weights.ts'
import * as reading from '../reading-version.ts'
import type { Float64Tensors } from '../testing/float64-tensors.ts'
import { randomBatch, randomizeWeights, sliceBatch, tinyTowers } from '../testing/tiny-towers.ts'
import { declareTower } from '../tower/tower.ts'
import type { UserTower } from '../tower/user-tower.ts'
import { BatchRowsError, EncodeQueueError, ServedTowerError } from './errors.ts'
import { UserEncoder } from './user-encoder.ts'

const tower = tinyTowers['bags, sequence, three tasks']
let device: GpuDevice
let user: UserTower
let weights: Weights
let values: Float64Tensors
let encoder: UserEncoder
beforeAll(async () => {
  device = await requestDevice({ label: 'encoder tests' })
  const declared = declareTower(tower.user, tower.item, tower.tasks, tower.config)
  user = declared.user
  weights = new Weights(device, declared.set, false)
  values = randomizeWeights(weights, seededRandom(1))
  encoder = new UserEncoder(device, { tower: user, weights })
})
afterAll(() => device.destroy())

const batch = randomBatch(tower.user, 1500, seededRandom(2))
const rows = (from: number, to: number) => sliceBatch(tower.user, batch, from, to)

describe('encoding', () => {
  it('gives what the reading version does, and takes no memory once warm', async () => {
    await encoder.warm()
    const allocatedBytes = device.allocatedBytes
    const got = await encoder.encode(rows(0, 30))
    expect(device.allocatedBytes).toBe(allocatedBytes)
    expect(got).toHaveLength(30 * encoder.dim)
    for (let r = 0; r < 30; r++)
      for (const [d, want] of reading.userTower(values, tower.config, reading.rowAt(tower.user, batch, r)).entries())
        expect(got[r * encoder.dim + d]).toBeCloseTo(want, 4)
  })

  it('gives a row the same bits alone, in any company, in every plan and in any piece', async () => {
    const all = await encoder.encode(rows(0, 1500))
    const { dim } = encoder
    for (const [from, to] of [
      [0, 1],
      [0, 16],
      [37, 53],
      [100, 117],
      [150, 278],
      [80, 592],
      [80, 593],
      [5, 1029],
      [1499, 1500],
    ])
      expect(await encoder.encode(rows(from, to)), `${from} … ${to}`).toEqual(all.slice(from * dim, to * dim))
  })

  it('takes a batch that was allocated for more rows than it has', async () => {
    const { dim } = encoder
    expect(await encoder.encode({ ...batch, rows: 700 })).toEqual((await encoder.encode(batch)).slice(0, 700 * dim))
  })

  it('takes a batch in memory that threads share', async () => {
    const bags = batch.bags.map(({ ids, lengths }) => {
      const shared = new Uint32Array(new SharedArrayBuffer(ids.byteLength))
      shared.set(ids)
      return { ids: shared, lengths }
    })
    expect(await encoder.encode({ ...batch, bags })).toEqual(await encoder.encode(batch))
  })

  it('gives the halves nearest to the floats, ties to even', async () => {
    const floats = await encoder.encode(rows(0, 600))
    const halves = await encoder.encodeHalf(rows(0, 600))
    expect(halves).toHaveLength(600 * encoder.dim)
    const wrong = halves.findIndex((half, i) => half !== nearestHalf(floats[i]))
    expect(wrong, `of ${floats[wrong]}`).toBe(-1)
    expect(await encoder.encodeHalf(rows(598, 599))).toEqual(halves.slice(598 * encoder.dim, 599 * encoder.dim))
  })

  it('refuses numbers that are not finite, by row and feature, and goes on', async () => {
    const bad = { ...batch, dense: batch.dense.slice() }
    bad.dense[700 * tower.user.dense.length + 1] = Number.NaN
    for (const encode of [encoder.encode(bad), encoder.encodeHalf(bad)])
      await expect(encode).rejects.toMatchObject({ name: 'BatchNumberError', row: 700, feature: 'dense 1' })
    expect(await encoder.encode(rows(0, 3))).toHaveLength(3 * encoder.dim)
  })

  it('gives nothing for no rows', async () => {
    expect(await encoder.encode(rows(0, 0))).toEqual(new Float32Array(0))
    expect(await encoder.encodeHalf(rows(0, 0))).toEqual(new Uint16Array(0))
  })
})

describe('calls beside each other', () => {
  it('are kept apart, whatever their sizes and formats', async () => {
    const { dim } = encoder
    const all = await encoder.encode(batch)
    const ranges = [
      [0, 1100],
      [3, 13],
      [1, 130],
      [600, 1200],
      [7, 7],
      [9, 10],
    ]
    const calls = ranges.map(([from, to]) => [encoder.encode(rows(from, to)), encoder.encodeHalf(rows(from, to))])
    for (const [i, [from, to]] of ranges.entries()) {
      expect(await calls[i][0]).toEqual(all.slice(from * dim, to * dim))
      expect(await calls[i][1]).toEqual(Uint16Array.from(all.slice(from * dim, to * dim), nearestHalf))
    }
    expect(encoder.queuedRows).toBe(0)
  })

  it('have the next piece on the device while one runs, and no more', async () => {
    for (const sizes of [[1500], [600, 3, 520], [1, 2, 3, 4]]) {
      const { queue } = device.gpuDevice
      let submitted = 0
      const ahead: number[] = []
      const submit = vi.spyOn(queue, 'submit').mockImplementation((commands) => {
        submitted++
        return GPUQueue.prototype.submit.call(queue, commands)
      })
      const { take } = Readback.prototype
      const taken = vi.spyOn(Readback.prototype, 'take').mockImplementation(async function (this: Readback, sizeBytes) {
        const bytes = await take.call(this, sizeBytes)
        ahead.push(submitted)
        return bytes
      })
      try {
        await Promise.all(sizes.map((size) => encoder.encode(rows(0, size))))
      } finally {
        submit.mockRestore()
        taken.mockRestore()
      }
      const pieces = sizes.reduce((sum, size) => sum + Math.ceil(size / 512), 0)
      expect(ahead).toHaveLength(pieces)
      expect(ahead[0]).toBe(2)
      for (const [i, count] of ahead.entries()) expect(count).toBeLessThanOrEqual(i + 2)
    }
  })

  it('are refused over the bounds of a call and of the queue, and then go on', async () => {
    const bounded = new UserEncoder(device, { tower: user, weights }, { maxRows: 600, maxQueuedRows: 1000 })
    for (const count of [601, -1, 1.5, Number.NaN])
      await expect(bounded.encode({ ...batch, rows: count })).rejects.toThrow(BatchRowsError)
    await expect(bounded.encode(rows(0, 601))).rejects.toMatchObject({ rows: 601, maxRows: 600 })
    const first = bounded.encode(rows(0, 600))
    const second = bounded.encodeHalf(rows(0, 400))
    const third = bounded.encode(rows(0, 1))
    await expect(third).rejects.toThrow(EncodeQueueError)
    await expect(third).rejects.toThrow(
      '1 rows do not fit the queue: 1000 of at most 1000 wait or run. Wait for earlier',
    )
    expect(bounded.queuedRows).toBe(1000)
    expect(await first).toHaveLength(600 * bounded.dim)
    expect(await second).toHaveLength(400 * bounded.dim)
    expect(bounded.queuedRows).toBe(0)
    expect(await bounded.encode(rows(0, 1))).toHaveLength(bounded.dim)
    bounded.dispose()
    for (const options of [{ maxRows: 0 }, { maxRows: 1.5 }, { maxRows: 8, maxQueuedRows: 7 }])
      expect(() => new UserEncoder(device, { tower: user, weights }, options)).toThrow(RangeError)
  })
})

it('on a device without room rejects, call after call, and holds on to nothing', async () => {
  const small = await requestDevice({ label: 'small', memoryBudgetBytes: 2 ** 21 })
  const copy = new Weights(small, weights.set, false)
  randomizeWeights(copy, seededRandom(1))
  const other = new UserEncoder(small, { tower: user, weights: copy })
  await other.encode(rows(0, 1))
  const room = small.buffer('room', 2 ** 21 - small.allocatedBytes - 20_000, GPUBufferUsage.COPY_DST)
  const before = small.allocatedBytes
  for (let call = 0; call < 3; call++) await expect(other.encode(rows(0, 500))).rejects.toThrow(OutOfMemoryError)
  expect(small.allocatedBytes).toBe(before)
  small.release(room)
  expect(await other.encode(rows(0, 500))).toEqual(await encoder.encode(rows(0, 500)))
  small.destroy()
})

describe('disposing', () => {
  it('may happen while plans are compiled', async () => {
    const before = device.allocatedBytes
    const other = new UserEncoder(device, { tower: user, weights })
    const warm = other.warm()
    other.dispose()
    await expect(warm).rejects.toThrow(ServedTowerError)
    await expect(other.warm()).rejects.toThrow(ServedTowerError)
    expect(device.allocatedBytes).toBe(before)
    await device.idle()
  })

  it('gives all memory back, rejects what waits or runs, and leaves the device unharmed', async () => {
    const before = device.allocatedBytes
    const other = new UserEncoder(device, { tower: user, weights })
    await other.encode(rows(0, 3))
    await other.encode(rows(0, 100))
    expect(device.allocatedBytes).toBeGreaterThan(before)
    const pending = [other.encode(rows(0, 1500)), other.encodeHalf(rows(0, 40)), other.encode(rows(0, 0))]
    await new Promise((resolve) => setTimeout(resolve, 1))
    other.dispose()
    for (const settled of await Promise.allSettled([...pending, other.encode(rows(0, 1))]))
      if (settled.status === 'rejected') expect(settled.reason).toBeInstanceOf(ServedTowerError)
    await expect(other.encode(rows(0, 1))).rejects.toThrow('The tower was disposed; load it again.')
    expect(device.allocatedBytes).toBe(before)
    expect(await encoder.encode(rows(0, 1))).toHaveLength(encoder.dim)
    await device.idle()
  })
})

/** The pattern of the half nearest to a finite value, ties to even, by the spacing that halves have there. */
function nearestHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)))
  const steps = magnitude / 2 ** (exponent - 10)
  const down = Math.floor(steps)
  const odd = down % 2 === 1
  const rounded = steps - down > 0.5 || (steps - down === 0.5 && odd) ? down + 1 : down
  return sign + (exponent + 14) * 1024 + rounded
}
