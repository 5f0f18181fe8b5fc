import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Kernel, Tuning } from '../kernel/kernel.ts'
import { saxpy } from '../testing/saxpy.ts'
import { type GpuDevice, requestDevice, type TuningTable } from './device.ts'
import { DeviceLostError, GpuLimitError, GpuValidationError, OutOfMemoryError } from './errors.ts'
import tuningTable from './tuning-table.json' with { type: 'json' }

const storage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST

describe('a device', () => {
  let device: GpuDevice
  beforeAll(async () => {
    device = await requestDevice({ label: 'shared' })
  })
  afterAll(() => device.destroy())

  it('refuses a buffer that it could not hold, before asking the driver', () => {
    const { maxBufferSize } = device.limits
    const before = device.allocatedBytes
    const size = Math.ceil((maxBufferSize + 1) / 16) * 16
    expect(() => device.buffer('too big', maxBufferSize + 1, GPUBufferUsage.COPY_DST)).toThrow(GpuLimitError)
    expect(() => device.buffer('too big', maxBufferSize + 1, GPUBufferUsage.COPY_DST)).toThrow(
      `buffer "too big", in bytes, is ${size}, over the device's maxBufferSize of ${maxBufferSize}`,
    )
    expect(device.allocatedBytes).toBe(before)
    device.check()
  })

  it('tells what was asked of the adapter, what it had and what is used', () => {
    const { features, adapterClass } = device.report
    expect(features.used).toEqual(expect.arrayContaining(features.asked.filter((name) => features.had.includes(name))))
    for (const name of features.used) expect(device.features).toContain(name)
    expect(adapterClass).toBe(device.adapterClass)
    expect(adapterClass.split('/')).toHaveLength(3)
  })

  it('makes all of several buffers, or holds none of them', async () => {
    const small = await requestDevice({ label: 'all or nothing', memoryBudgetBytes: 1 << 20 })
    const make = (...kibibytes: number[]) =>
      kibibytes.map((size, i) => small.buffer(`part ${i}`, size << 10, storage()))
    const inner = () => expect(() => small.allOrNothing(() => make(300, 900))).toThrow(OutOfMemoryError)
    const whole = () => {
      const parts = make(100)
      inner()
      return [...parts, ...small.allOrNothing(() => make(100, 100))]
    }
    const parts = small.allOrNothing(whole)
    expect(parts.map((part) => small.owns(part))).toEqual([true, true, true])
    expect(small.allocatedBytes).toBe(300 << 10)
    const broken = () => {
      whole()
      throw new RangeError('behind all of them')
    }
    expect(() => small.allOrNothing(broken)).toThrow(RangeError)
    expect(small.allocatedBytes).toBe(300 << 10)
    make(100)
    expect(small.allocatedBytes).toBe(400 << 10)
    small.destroy()
  })

  it('keeps within its budget, after freeing what waits in the pool', async () => {
    const small = await requestDevice({ label: 'small budget', memoryBudgetBytes: 1 << 20 })
    const held = small.buffer('held', 512 << 10, storage())
    small.pool.give(small.pool.take('scratch', 400 << 10, storage()))
    expect(() => small.buffer('over', 600 << 10, storage())).toThrow(OutOfMemoryError)
    expect(() => small.buffer('over', 600 << 10, storage())).toThrow(
      'Buffer "over": needs 614400 bytes while 524288 of the device\'s 1048576 are taken',
    )
    expect(small.pool.freeBytes).toBe(0)
    small.release(held)
    small.release(held)
    expect(small.allocatedBytes).toBe(0)
    small.buffer('fits now', 600 << 10, storage())
    small.destroy()
  })

  it('asks for more than the default limits where the adapter has more', () => {
    expect(device.limits.maxBufferSize).toBeGreaterThanOrEqual(2 ** 28)
    expect(device.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27)
  })

  it('counts the bytes that are alive, and reads back what was written', async () => {
    const before = device.allocatedBytes
    const buffer = device.buffer('numbers', 20, storage())
    expect(device.allocatedBytes).toBe(before + 32)
    device.gpuDevice.queue.writeBuffer(buffer, 0, Float32Array.of(1, 2, 3, 4, 5))
    expect([...new Float32Array(await device.read(buffer, 20))]).toEqual([1, 2, 3, 4, 5])
    expect([...new Float32Array(await device.read(buffer, 8, 8))]).toEqual([3, 4])
    expect((await device.read(buffer, 0)).byteLength).toBe(0)
    device.release(buffer)
    expect(device.allocatedBytes).toBe(before)
  })

  it('makes one pipeline for one resolved WGSL', () => {
    const [first, second] = saxpy.tunings
    const pipeline = device.pipeline(saxpy, first)
    expect(device.pipeline({ ...saxpy, name: 'same code' }, { ...first, name: 'same code' })).toBe(pipeline)
    expect(device.pipeline(saxpy, second)).not.toBe(pipeline)
    expect(device.pipeline({ ...saxpy, uniforms: { a: 'f32', N: 'u32' } }, first)).not.toBe(pipeline)
  })

  it('takes the first tuning where the table says nothing or names what the adapter cannot run', () => {
    expect(device.tuning(saxpy, { N: 1, a: 1 })).toBe(saxpy.tunings[0])
    const measured: Kernel<{ N: number; a: number }, 'x' | 'y', Tuning> = {
      ...saxpy,
      name: 'matmul',
      tunings: [{ name: 'safe' }, { name: 'subgroup-16x64', minSubgroupSize: 1 << 20 }],
      wgsl: () => '',
      workgroups: () => [1, 1, 1],
      tolerance: () => ({ absolute: 0, relative: 0 }),
    }
    expect(device.tuning(measured, { N: 1, a: 1 }).name).toBe('safe')
  })

  it('takes what the table measured best for the bucket of a shape on its class of adapter', () => {
    const table: TuningTable = tuningTable
    for (const [name, buckets] of Object.entries(table[device.adapterClass] ?? {}))
      for (const [bucket, best] of Object.entries(buckets)) {
        const tunings = [{ name: 'safe' }, { name: best }]
        const measured = { ...saxpy, name, tunings, bucket: () => bucket } as unknown as Kernel
        expect(device.tuning(measured, { N: 1, a: 1 }).name).toBe(best)
        expect(device.tuning({ ...measured, bucket: () => 'never measured' }, { N: 1, a: 1 }).name).toBe('safe')
      }
  })

  it('hands out a buffer of the same class and usage again, and no other', () => {
    const first = device.pool.take('first', 1000, storage())
    expect(first.size).toBe(1024)
    device.pool.give(first)
    expect(device.pool.take('other usage', 1000, GPUBufferUsage.COPY_DST)).not.toBe(first)
    expect(device.pool.take('larger', 1025, storage())).not.toBe(first)
    expect(device.pool.take('again', 1020, storage())).toBe(first)
    expect(device.pool.take('while that is held', 1020, storage())).not.toBe(first)
  })
})

describe('failures', () => {
  it('a refused command is thrown by the next check', async () => {
    const device = await requestDevice({ label: 'refused' })
    const buffer = device.buffer('good', 16, storage())
    device.gpuDevice.createBuffer({ label: 'bad', size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE })
    expect(() => device.check()).toThrow(GpuValidationError)
    expect(() => device.check()).toThrow(/device "refused".*bad/s)
    await expect(device.read(buffer)).rejects.toThrow(GpuValidationError)
    device.destroy()
  })

  it('a destroyed device says so at every later call, and its pending reads reject', async () => {
    const device = await requestDevice({ label: 'short-lived' })
    const buffer = device.buffer('numbers', 2 ** 20, storage())
    const pending = device.read(buffer)
    const idle = device.idle()
    device.destroy()
    device.destroy()
    for (const settled of await Promise.allSettled([pending, idle, device.read(buffer), device.idle()]))
      expect(settled).toMatchObject({ status: 'rejected', reason: expect.any(DeviceLostError) })
    expect(() => device.check()).toThrow(/"short-lived" was lost \(destroyed\)/)
    expect(() => device.buffer('late', 16, storage())).toThrow(DeviceLostError)
  })

  it('a device lost behind its back is known as lost by its pending reads', async () => {
    const device = await requestDevice({ label: 'lost' })
    const buffer = device.buffer('numbers', 2 ** 20, storage())
    const pending = device.read(buffer)
    device.gpuDevice.destroy()
    await expect(pending).rejects.toThrow(DeviceLostError)
    await expect(device.idle()).rejects.toThrow(DeviceLostError)
    expect(() => device.check()).toThrow(DeviceLostError)
  })

  it('devices do not share an adapter or a failure', async () => {
    const first = await requestDevice({ label: 'first' })
    const second = await requestDevice({ label: 'second' })
    first.destroy()
    const buffer = second.buffer('numbers', 16, storage())
    second.gpuDevice.queue.writeBuffer(buffer, 0, Float32Array.of(7))
    expect(new Float32Array(await second.read(buffer))[0]).toBe(7)
    second.destroy()
  })
})
