import { cpSync, rmSync } from 'node:fs'
import { bucketOf } from '@headwater/features'
import { DeviceLostError, type GpuDevice, requestDevice } from '@headwater/gpu'
import { ItemVectors, readSnapshot, SnapshotError } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { publishedDim, publishedSpace, publishRandomTower, randomMap } from '../testing/published-tower.ts'
import { randomBatch } from '../testing/tiny-towers.ts'
import { BatchRowsError, EncodeQueueError, ServedTowerError } from './errors.ts'
import { loadTower } from './served-tower.ts'

const batch = randomBatch(publishedSpace.user, 700, seededRandom(2))
let directory: string
let device: GpuDevice
let truth: Float32Array
beforeAll(async () => {
  directory = await publishRandomTower(temporaryDirectory(), { alignment: randomMap(seededRandom(5)) })
  device = await requestDevice({ label: 'served tower tests' })
  const tower = await loadTower(directory, { device })
  truth = await tower.encode(batch)
  tower.dispose()
})
afterAll(() => device.destroy())

describe('a served tower', () => {
  it('encodes on a device of its own, and destroys it', async () => {
    const tower = await loadTower(directory)
    expect(tower.manifest.snapshot).toBe(1)
    expect(tower.dim).toBe(publishedDim)
    expect(tower.space.user).toEqual(publishedSpace.user)
    expect(tower.schema).toEqual(publishedSpace.schema)
    expect(tower.items).toBeNull()
    expect(await tower.encode(batch)).toEqual(truth)
    const own = tower.device
    const pending = [tower.encode(batch), tower.encodeHalf(batch), tower.encode(batch)]
    tower.dispose()
    tower.dispose()
    for (const settled of await Promise.allSettled([...pending, tower.encode(batch)]))
      expect(settled).toMatchObject({ status: 'rejected', reason: expect.any(ServedTowerError) })
    expect(() => own.check()).toThrow(DeviceLostError)
    await expect(tower.recover()).rejects.toThrow(ServedTowerError)
  })

  it('leaves a device that it was given as it was', async () => {
    const before = device.allocatedBytes
    const tower = await loadTower(directory, { device, maxRows: 700, maxQueuedRows: 700 })
    expect(tower.device).toBe(device)
    await expect(tower.encode({ ...batch, rows: 701 })).rejects.toThrow(BatchRowsError)
    const calls = [tower.encode(batch), tower.encode(batch)]
    expect(tower.queuedRows).toBe(700)
    await expect(calls[1]).rejects.toThrow(EncodeQueueError)
    expect(await calls[0]).toEqual(truth)
    tower.dispose()
    expect(device.allocatedBytes).toBe(before)
    await device.idle()
  })

  it("has item vectors where its snapshot has, which score the embeddings' items", async () => {
    const layout = { learnt: 12, width: 4, heads: [{ coefficients: 12, intercept: 16 }] }
    const table = Float32Array.from({ length: 13 * 4 }, (_, i) => i / 50 - 0.5)
    const items = new ItemVectors(layout, table)
    const tower = await loadTower(await publishRandomTower(temporaryDirectory(), { items }), { device })
    const [vector, q] = [await tower.encode({ ...batch, rows: 1 }), tower.items!.read(['a'])]
    expect(tower.items!.layout).toEqual(layout)
    expect(q).toEqual(table.slice(bucketOf('item', 'a', 13) * 4).slice(0, 4))
    const expected = q.reduce((sum, value, i) => sum + value * vector[12 + i], vector[16])
    expect(tower.items!.scores(vector, q)).toEqual([expect.closeTo(expected, 5)])
    tower.dispose()
  })

  it('is not loaded from what is no whole snapshot, and leaves no memory taken', async () => {
    const before = device.allocatedBytes
    await expect(loadTower(temporaryDirectory(), { device })).rejects.toThrow(SnapshotError)
    await expect(loadTower(directory, { device, maxRows: 0 })).rejects.toThrow(RangeError)
    expect(device.allocatedBytes).toBe(before)
  })
})

describe('after a loss of its device', () => {
  it('rejects what is pending, and recovers to the same bits, again and again', async () => {
    const tower = await loadTower(directory)
    for (const lose of [() => tower.device.gpuDevice.destroy(), () => tower.device.destroy()]) {
      const healthy = tower.device
      await tower.recover()
      expect(tower.device).toBe(healthy)
      const pending = [tower.encode(batch), tower.encodeHalf(batch), tower.encode(batch)]
      lose()
      for (const settled of await Promise.allSettled(pending))
        expect(settled).toMatchObject({ status: 'rejected', reason: expect.any(DeviceLostError) })
      await expect(tower.encode(batch)).rejects.toThrow(DeviceLostError)
      expect(tower.queuedRows).toBe(0)
      await Promise.all([tower.recover(), tower.recover()])
      expect(tower.device).not.toBe(healthy)
      expect(await tower.encode(batch)).toEqual(truth)
    }
    tower.dispose()
  })

  it('is warm again where it was, without more memory than before', async () => {
    const tower = await loadTower(directory)
    await tower.warm()
    const { allocatedBytes } = tower.device
    expect(allocatedBytes).toBe(tower.memory.totalBytes)
    tower.device.destroy()
    await tower.recover()
    expect(tower.device.allocatedBytes).toBe(allocatedBytes)
    expect(await tower.encode(batch)).toEqual(truth)
    expect(tower.device.allocatedBytes).toBe(allocatedBytes)
    tower.dispose()
  })

  it('needs a new device from the caller where the caller gave the lost one', async () => {
    const [first, second] = [await requestDevice({ label: 'first' }), await requestDevice({ label: 'second' })]
    const tower = await loadTower(directory, { device: first })
    first.destroy()
    await expect(tower.recover()).rejects.toThrow(ServedTowerError)
    await expect(tower.recover(first)).rejects.toThrow(DeviceLostError)
    await expect(tower.encode(batch)).rejects.toThrow(DeviceLostError)
    await tower.recover(second)
    expect(tower.device).toBe(second)
    expect(await tower.encode(batch)).toEqual(truth)
    tower.dispose()
    expect(second.allocatedBytes).toBe(0)
    await second.idle()
    second.destroy()
  })

  it('reads nothing again where it was given the snapshot itself', async () => {
    const copy = await publishRandomTower(temporaryDirectory(), { seed: 3 })
    const tower = await loadTower(await readSnapshot(copy))
    const before = await tower.encode(batch)
    rmSync(copy, { recursive: true })
    tower.device.destroy()
    await tower.recover()
    expect(await tower.encode(batch)).toEqual(before)
    tower.dispose()
  })

  it('refuses a snapshot that is gone or another one, and can be tried again', async () => {
    const model = temporaryDirectory()
    const copy = await publishRandomTower(model, { seed: 3 })
    const kept = temporaryDirectory()
    cpSync(copy, kept, { recursive: true })
    const tower = await loadTower(copy)
    const before = await tower.encode(batch)
    tower.device.destroy()
    rmSync(copy, { recursive: true })
    await expect(tower.recover()).rejects.toThrow(SnapshotError)
    await publishRandomTower(model, { seed: 4 })
    await expect(tower.recover()).rejects.toThrow('is another snapshot than the one that was loaded')
    rmSync(copy, { recursive: true })
    cpSync(kept, copy, { recursive: true })
    await tower.recover()
    expect(await tower.encode(batch)).toEqual(before)
    tower.dispose()
  })
})
