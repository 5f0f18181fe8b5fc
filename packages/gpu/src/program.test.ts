import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GpuDevice, requestDevice } from './device.ts'
import { prepareDispatch } from './dispatch.ts'
import { GpuLimitError, KernelError } from './errors.ts'
import { packUniforms } from './kernel.ts'
import { Pacer } from './pacer.ts'
import { type KernelProfile, Program } from './program.ts'
import { saxpy } from './testing/saxpy.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'programs' })
})
afterAll(() => device.destroy())

function floats(label: string, values: ArrayLike<number>): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const buffer = device.buffer(label, values.length * 4, usage)
  device.gpuDevice.queue.writeBuffer(buffer, 0, Float32Array.from(values))
  return buffer
}

const values = async (buffer: GPUBuffer) => [...new Float32Array(await device.read(buffer))]

describe('prepareDispatch', () => {
  const shape = { N: 4, a: 2 }
  let buffers: { x: GPUBuffer; y: GPUBuffer }
  beforeAll(() => {
    buffers = { x: floats('x', [1, 2, 3, 4]), y: floats('y', [0, 0, 0, 0]) }
  })

  it('names a uniform that is missing, fractional, negative or not finite', () => {
    for (const [bad, name] of [
      [{ a: 2 }, 'N'],
      [{ N: 4.5, a: 2 }, 'N'],
      [{ N: -1, a: 2 }, 'N'],
      [{ N: 2 ** 32, a: 2 }, 'N'],
      [{ N: 4, a: Number.NaN }, 'a'],
    ] as const) {
      const prepare = () => prepareDispatch(device, saxpy, bad as typeof shape, buffers)
      expect(prepare).toThrow(KernelError)
      expect(prepare).toThrow(`Kernel saxpy, ${name}:`)
    }
  })

  it('names a binding without a buffer, and one that holds no whole number of elements', () => {
    const missing = { x: buffers.x } as typeof buffers
    expect(() => prepareDispatch(device, saxpy, shape, missing)).toThrow(/Kernel saxpy, y: no buffer/)
    const odd = device.gpuDevice.createBuffer({ size: 6, usage: GPUBufferUsage.STORAGE })
    expect(() => prepareDispatch(device, saxpy, shape, { ...buffers, x: odd })).toThrow(KernelError)
    odd.destroy()
  })

  it('refuses a grid over the limit, naming the axis', () => {
    const limit = device.limits.maxComputeWorkgroupsPerDimension
    const wide = { N: limit * 64 + 1, a: 1 }
    expect(() => prepareDispatch(device, saxpy, wide, buffers)).toThrow(GpuLimitError)
    expect(() => prepareDispatch(device, saxpy, wide, buffers)).toThrow(`along x, is ${limit + 1}`)
    expect(prepareDispatch(device, saxpy, { N: limit * 64, a: 1 }, buffers).workgroups).toEqual([limit, 1, 1])
  })

  it('packs uniforms in the order declared', () => {
    const view = new DataView(packUniforms(saxpy, { N: 7, a: -1.5 }))
    expect([view.byteLength, view.getUint32(0, true), view.getFloat32(4, true)]).toEqual([16, 7, -1.5])
  })

  it('left the device unharmed', () => device.check())
})

describe('Program', () => {
  it('replays its dispatches in order, each with uniforms of its own', async () => {
    const x = floats('x', [1, 2, 3, 4])
    const y = floats('y', [10, 10, 10, 10])
    const z = floats('z', [0, 0, 0, 0])
    const dispatches = [
      prepareDispatch(device, saxpy, { N: 3, a: 2 }, { x, y }),
      prepareDispatch(device, saxpy, { N: 4, a: -1 }, { x: y, y: z }, saxpy.tunings[1]),
    ]
    const program = new Program(device, dispatches, 'chain')
    program.submit()
    expect(await values(y)).toEqual([12, 14, 16, 10])
    expect(await values(z)).toEqual([-12, -14, -16, -10])
    program.submit()
    expect(await values(y)).toEqual([14, 18, 22, 10])
    expect(await values(z)).toEqual([-26, -32, -38, -20])
    program.dispose()
  })

  it('gives the same bits on every replay, with and without a profile, and copies what it is asked to', async () => {
    const start = Array.from({ length: 1000 }, (_, i) => Math.sin(i))
    const x = floats('x', start)
    const y = floats('y', start)
    const copy = floats('copy', start)
    const program = new Program(device, [prepareDispatch(device, saxpy, { N: 1000, a: 0.1 }, { x, y })], 'replay')
    const results: number[][] = []
    const profile = new Map<string, KernelProfile>()
    for (const profiled of [false, true, false]) {
      device.gpuDevice.queue.writeBuffer(y, 0, Float32Array.from(start))
      if (profiled) await program.profile(profile)
      else program.submit((encoder) => encoder.copyBufferToBuffer(y, 0, copy, 0, y.size))
      results.push(await values(y))
    }
    expect(results[0]).toEqual(Array.from(Float32Array.from(start), (v) => expect.closeTo(v * 1.1, 5)))
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
    expect(await values(copy)).toEqual(results[0])
    program.dispose()
  })

  it('profiles every kernel, adding up over runs', async () => {
    const N = 50_000
    const x = floats('x', new Float32Array(N))
    const y = floats('y', new Float32Array(N))
    const other = { ...saxpy, name: 'other' }
    const dispatches = [saxpy, other, saxpy].map((k) => prepareDispatch(device, k, { N, a: 1 }, { x, y }))
    const program = new Program(device, dispatches, 'profiled')
    const profile = new Map<string, KernelProfile>()
    const first = await program.profile(profile)
    const second = await program.profile(profile)
    expect([...profile.keys()]).toEqual(['saxpy', 'other'])
    expect(profile.get('saxpy')).toMatchObject({ count: 4, flops: 4 * 2 * N, bytes: 4 * 12 * N })
    expect(profile.get('other')).toMatchObject({ count: 2 })
    for (const { timeMs } of profile.values()) expect(timeMs).toBeGreaterThan(0)
    const total = [...profile.values()].reduce((sum, { timeMs }) => sum + timeMs, 0)
    expect(total).toBeCloseTo(first.kernelMs + second.kernelMs, 9)
    expect(first.wallMs).toBeGreaterThan(first.kernelMs)
    program.dispose()
  })

  it('profiles by the wall clock on a device without timestamps', async () => {
    const plain = await requestDevice({ label: 'no timestamps', features: [] })
    expect(plain.features.has('timestamp-query')).toBe(false)
    const buffer = () => plain.buffer('zeros', 64, GPUBufferUsage.STORAGE)
    const dispatch = prepareDispatch(plain, saxpy, { N: 16, a: 1 }, { x: buffer(), y: buffer() })
    const program = new Program(plain, [dispatch, dispatch], 'wall clock')
    const profile = new Map<string, KernelProfile>()
    const { kernelMs, wallMs } = await program.profile(profile)
    expect(profile.get('saxpy')).toMatchObject({ count: 2, timeMs: kernelMs })
    expect(wallMs).toBeGreaterThanOrEqual(kernelMs)
    plain.destroy()
  })

  it('gives its memory back', () => {
    const before = device.allocatedBytes
    new Program(device, [], 'empty').dispose()
    expect(device.allocatedBytes).toBe(before)
  })
})

describe('Pacer', () => {
  it('resolves only when the work before it has run', async () => {
    const N = 200_000
    const x = floats('x', new Float32Array(N).fill(1))
    const y = floats('y', new Float32Array(N))
    const dispatches = Array.from({ length: 20 }, () => prepareDispatch(device, saxpy, { N, a: 1 }, { x, y }))
    const program = new Program(device, dispatches, 'paced')
    const pacer = new Pacer(device)
    for (let round = 1; round <= 3; round++) {
      let ran = false
      program.submit()
      void device.gpuDevice.queue.onSubmittedWorkDone().then(() => {
        ran = true
      })
      pacer.submitted()
      await pacer.done()
      expect(ran).toBe(true)
      expect(new Set(await values(y))).toEqual(new Set([20 * round]))
    }
    program.dispose()
  })
})
