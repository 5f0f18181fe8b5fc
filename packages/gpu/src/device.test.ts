import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GpuDevice, requestDevice } from './device.ts'
import { DeviceLostError, GpuLimitError, GpuValidationError } from './errors.ts'
import type { Kernel, Tuning } from './kernel.ts'
import { saxpy } from './testing/saxpy.ts'

const storage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST

describe('a device', () => {
  let device: GpuDevice
  beforeAll(async () => {
    device = await requestDevice({ label: 'shared' })
  })
  afterAll(() => device.destroy())

  it('refuses a buffer that it could not hold or bind, before asking the driver', () => {
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits
    const before = device.allocatedBytes
    expect(() => device.buffer('too big', maxBufferSize + 1, GPUBufferUsage.COPY_DST)).toThrow(GpuLimitError)
    expect(() => device.buffer('unbindable', maxStorageBufferBindingSize + 1, storage())).toThrow(
      `storage "unbindable", in bytes, is ${maxStorageBufferBindingSize + 16}, over the device's maxStorageBufferBindingSize`,
    )
    expect(device.allocatedBytes).toBe(before)
    device.check()
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
    expect(device.tuning(saxpy)).toBe(saxpy.tunings[0])
    const measured: Kernel<{ N: number; a: number }, 'x' | 'y', Tuning> = {
      ...saxpy,
      name: 'matmul',
      tunings: [{ name: 'safe' }, { name: 'subgroup-16x64', needs: { minSubgroupSize: 1 << 20 } }],
      wgsl: () => '',
      workgroups: () => [1, 1, 1],
      tolerance: () => ({ absolute: 0, relative: 0 }),
    }
    expect(device.tuning(measured).name).toBe('safe')
  })

  it('takes what the table measured best on its class of adapter', () => {
    const tunings = [{ name: 'safe' }, { name: 'subgroup-16x64' }]
    const measured = { ...saxpy, name: 'matmul', tunings } as unknown as Kernel<{ N: number; a: number }, 'x' | 'y'>
    const expected = device.adapterClass === 'mesa/software' ? 'subgroup-16x64' : 'safe'
    expect(device.tuning(measured).name).toBe(expected)
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
