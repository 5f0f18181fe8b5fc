import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { reluBackward } from '@headwater/kernels'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Recorder } from './recorder.ts'
import { columns, persistent, type Tensor } from './tensor.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'recorder tests' })
})
afterAll(() => device.destroy())

const usage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST

function given(values: readonly number[]): Tensor {
  const buffer = device.buffer('given', values.length * 4, usage())
  device.gpuDevice.queue.writeBuffer(buffer, 0, Float32Array.from(values))
  return persistent(buffer, 1, values.length)
}

it('shares buffers along a chain without mixing anything up, and keeps what is to be read', async () => {
  const before = device.allocatedBytes
  const ones = given(new Array(64).fill(1))
  const rec = new Recorder(device)
  // x doubles at each link; the third link is kept
  let x = given(Array.from({ length: 64 }, (_, i) => i))
  const links: Tensor[] = []
  for (let i = 0; i < 6; i++) {
    const next = rec.tensor(`link ${i}`, 1, 64)
    rec.dispatch(reluBackward, { count4: 16, scale: 2 }, { y: ones, dy: x, dx: next })
    links.push(next)
    x = next
  }
  rec.tensor('never used', 1000, 1000)
  rec.keep(links[2])
  rec.keep(links[5])
  const persistentBytes = device.allocatedBytes - before
  const plan = rec.plan('chain')
  expect(plan.naiveBytes).toBe(6 * 256)
  expect(plan.plannedBytes).toBe(3 * 256)
  for (let replay = 0; replay < 2; replay++) {
    plan.program.submit()
    for (const [link, factor] of [
      [2, 8],
      [5, 64],
    ]) {
      const got = new Float32Array(await device.read(links[link].storage.buffer!))
      expect([...got]).toEqual(Array.from({ length: 64 }, (_, i) => i * factor))
    }
  }
  plan.dispose()
  expect(device.allocatedBytes - before).toBe(persistentBytes)
})

it('cuts columns at whole vec4 only, and inside the tensor', () => {
  const tensor = given(new Array(12).fill(0))
  expect(columns(tensor, 8, 4)).toMatchObject({ offset: 8, cols: 4, stride: 12 })
  expect(() => columns(tensor, 2, 4)).toThrow(RangeError)
  expect(() => columns(tensor, 8, 5)).toThrow(RangeError)
})
