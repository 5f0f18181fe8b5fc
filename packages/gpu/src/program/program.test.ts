import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GpuDevice, requestDevice } from '../device/device.ts'
import { DeviceFeatureError, DeviceLostError, GpuLimitError, KernelError } from '../device/errors.ts'
import { Pacer } from '../device/pacer.ts'
import { packUniforms } from '../kernel/kernel.ts'
import { saxpy } from '../testing/saxpy.ts'
import { prepareDispatch } from './dispatch.ts'
import { type KernelProfile, kernelRates } from './kernel-profile.ts'
import { Program } from './program.ts'

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

  it('names a uniform that is missing, fractional, negative or not finite, and a dimension of 0', () => {
    for (const [bad, name] of [
      [{ a: 2 }, 'N'],
      [{ N: 4.5, a: 2 }, 'N'],
      [{ N: -1, a: 2 }, 'N'],
      [{ N: 0, a: 2 }, 'N'],
      [{ N: 2 ** 32, a: 2 }, 'N'],
      [{ N: 4, a: Number.NaN }, 'a'],
    ] as const) {
      const prepare = () => prepareDispatch(device, saxpy, bad as typeof shape, buffers)
      expect(prepare).toThrow(KernelError)
      expect(prepare).toThrow(`Kernel saxpy, ${name}:`)
    }
  })

  it('names a binding whose buffer is missing, too small, of another device, not for storage or bound twice', async () => {
    const refused = (given: object, message: RegExp) => {
      const prepare = () => prepareDispatch(device, saxpy, shape, { ...buffers, ...given } as typeof buffers)
      expect(prepare).toThrow(KernelError)
      expect(prepare).toThrow(message)
    }
    refused({ y: undefined }, /Kernel saxpy, y: no buffer/)
    const wide = { N: 5, a: 2 }
    expect(() => prepareDispatch(device, saxpy, wide, buffers)).toThrow(
      /x: buffer "x" holds 4 f32, but this shape needs 5/,
    )
    const other = await requestDevice({ label: 'other' })
    refused(
      { x: other.buffer('foreign', 16, GPUBufferUsage.STORAGE) },
      /x: buffer "foreign" is not one of device "programs"/,
    )
    other.destroy()
    refused({ x: device.buffer('copies', 16, GPUBufferUsage.COPY_DST) }, /x: buffer "copies" was not made for storage/)
    refused({ x: buffers.y }, /y: is written, but shares "y" with x/)
    const released = device.buffer('released', 16, GPUBufferUsage.STORAGE)
    device.release(released)
    refused({ x: released }, /"released" is not one of device/)
  })

  it('binds a part of a buffer, and refuses one that is not aligned, not inside or no whole number of elements', async () => {
    const alignment = device.limits.minStorageBufferOffsetAlignment
    const both = floats('both', [...new Array(alignment / 4).fill(0), 1, 2, 3, 4])
    const y = floats('y', [0, 0, 0, 0])
    const part = (offset: number, size: number) => ({ x: { buffer: both, offset, size }, y })
    const program = new Program(device, [prepareDispatch(device, saxpy, shape, part(alignment, 16))], 'part')
    program.submit()
    expect(await values(y)).toEqual([2, 4, 6, 8])
    program.dispose()
    for (const [offset, size, message] of [
      [4, 16, /x: starts at byte 4 of "both", which is no multiple/],
      [alignment, 32, /x: ends at byte \d+ of "both", which has/],
      [0, 6, /x: 6 bytes are no whole number of f32/],
      [alignment, 12, /holds 3 f32, but this shape needs 4/],
    ] as const)
      expect(() => prepareDispatch(device, saxpy, shape, part(offset, size))).toThrow(message)
  })

  it('refuses a binding over the limit, but binds a part of such a buffer', () => {
    const limit = device.limits.maxStorageBufferBindingSize
    if (limit > 2 ** 28) return console.log(`not applicable: this device binds ${limit} bytes`)
    const x = device.buffer('large', limit + 1024, GPUBufferUsage.STORAGE)
    expect(() => prepareDispatch(device, saxpy, shape, { ...buffers, x })).toThrow(GpuLimitError)
    expect(() => prepareDispatch(device, saxpy, shape, { ...buffers, x })).toThrow(
      `kernel saxpy, bytes of x, is ${limit + 1024}, over the device's maxStorageBufferBindingSize of ${limit}`,
    )
    prepareDispatch(device, saxpy, shape, { ...buffers, x: { buffer: x, offset: 1024, size: limit } })
    device.release(x)
    return undefined
  })

  it('refuses a tuning that the device cannot run', () => {
    const tuning = { name: 'wide', lanes: 64, minSubgroupSize: 1 << 20 }
    const prepare = () => prepareDispatch(device, saxpy, shape, buffers, tuning)
    expect(prepare).toThrow(DeviceFeatureError)
    expect(prepare).toThrow(/tuning wide: needs subgroups of at least 1048576 lanes/)
  })

  it('refuses a grid over the limit, naming the axis', () => {
    const limit = device.limits.maxComputeWorkgroupsPerDimension
    const small = { ...saxpy, sizes: () => ({ x: 1, y: 1 }) }
    const wide = { N: limit * 64 + 1, a: 1 }
    expect(() => prepareDispatch(device, small, wide, buffers)).toThrow(GpuLimitError)
    expect(() => prepareDispatch(device, small, wide, buffers)).toThrow(`along x, is ${limit + 1}`)
    expect(prepareDispatch(device, small, { N: limit * 64, a: 1 }, buffers).workgroups).toEqual([limit, 1, 1])
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

  it('gives the same bits on every replay, with and without a profile, and copies before and behind what it is asked to', async () => {
    const start = Array.from({ length: 1000 }, (_, i) => Math.sin(i))
    const x = floats('x', start)
    const y = floats('y', start)
    const copy = floats('copy', start)
    const program = new Program(device, [prepareDispatch(device, saxpy, { N: 1000, a: 0.1 }, { x, y })], 'replay')
    const results: number[][] = []
    const profile = new Map<string, KernelProfile>()
    for (const profiled of [false, true, false]) {
      if (profiled) {
        device.gpuDevice.queue.writeBuffer(y, 0, Float32Array.from(start))
        await program.profile(profile)
      } else
        program.submit({
          before: (encoder) => encoder.copyBufferToBuffer(x, 0, y, 0, y.size),
          after: (encoder) => encoder.copyBufferToBuffer(y, 0, copy, 0, y.size),
        })
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
    const [slowest, fastest] = kernelRates(profile)
    expect(slowest.timeMs).toBeGreaterThanOrEqual(fastest.timeMs)
    expect(slowest.share + fastest.share).toBeCloseTo(1, 12)
    expect(slowest.gbps / slowest.gflops).toBeCloseTo(6, 9)
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

  it('warms without computing anything', async () => {
    const x = floats('x', [1, 2])
    const y = floats('y', [3, 4])
    const dispatches = saxpy.tunings.map((t) => prepareDispatch(device, saxpy, { N: 2, a: 1 }, { x, y }, t))
    const before = device.allocatedBytes
    const program = new Program(device, dispatches, 'warmed')
    await program.warm()
    expect(await values(y)).toEqual([3, 4, 0, 0])
    program.submit()
    expect(await values(y)).toEqual([5, 8, 0, 0])
    program.dispose()
    expect(device.allocatedBytes).toBe(before)
  })

  it('tells of pipelines that have not run, once each, and stops between two when asked to', async () => {
    const own = await requestDevice({ label: 'told' })
    const told: string[] = []
    const abort = new AbortController()
    own.onCompile = (number, total) => {
      told.push(`${number} of ${total}`)
      if (number === 2) abort.abort(new Error('enough'))
    }
    const zeros = () => own.buffer('zeros', 64, GPUBufferUsage.STORAGE)
    const of = (kernel: typeof saxpy) => prepareDispatch(own, kernel, { N: 2, a: 1 }, { x: zeros(), y: zeros() })
    const kernels = [1, 2, 3, 4].map((n) => ({
      ...saxpy,
      name: `saxpy-${n}`,
      wgsl: () => `${saxpy.wgsl(saxpy.tunings[0]!)}// ${n}`,
    }))
    const [first, ...others] = kernels.map(of)
    new Program(own, [first!], 'ran').submit()
    const program = new Program(own, [first!, ...others, others[0]!], 'told')
    await expect(program.warm(abort.signal)).rejects.toThrow('enough')
    expect(told).toEqual(['2 of 4'])
    await program.warm()
    await program.warm()
    expect(told).toEqual(['2 of 4', '3 of 4', '4 of 4'])
    own.destroy()
  })

  it('ends a lost device while it compiles with that as the reason', async () => {
    const own = await requestDevice({ label: 'lost' })
    const zeros = () => own.buffer('zeros', 64, GPUBufferUsage.STORAGE)
    const program = new Program(own, [prepareDispatch(own, saxpy, { N: 2, a: 1 }, { x: zeros(), y: zeros() })], 'lost')
    own.onCompile = () => own.destroy()
    await expect(program.warm()).rejects.toThrow(DeviceLostError)
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
