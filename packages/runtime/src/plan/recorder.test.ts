import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { bceMultiTask, matmul, matmulShape, reluBackward } from '@headwater/kernels'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Recorder } from './recorder.ts'
import { columns, part, persistent, type Tensor } from './tensor.ts'

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
  // Each of those kept has its own buffer, and what leads to them goes through one more.
  expect(plan.plannedBytes).toBe(3 * 256)
  for (let replay = 0; replay < 2; replay++) {
    plan.program.submit()
    for (const [link, factor] of [
      [2, 8],
      [5, 64],
    ]) {
      const { buffer, offsetBytes } = links[link].storage
      // What is kept lies where readers that know only of its buffer find it.
      expect(offsetBytes).toBe(0)
      const got = new Float32Array(await device.read(buffer!, 256))
      expect([...got]).toEqual(Array.from({ length: 64 }, (_, i) => i * factor))
    }
  }
  plan.dispose()
  expect(device.allocatedBytes - before).toBe(persistentBytes)
})

it('measures without a device what a plan takes, and what its kernels count', () => {
  const record = (rec: Recorder) => {
    // relu's backward counts 4 operations a vec4; a product 2 · M · N · K
    let x = rec.tensor('x', 8, 64)
    for (const width of [100, 33, 7]) {
      const [w, y, dx] = [rec.tensor('w', x.cols, width), rec.tensor('y', 8, width), rec.tensor('dx', 8, width)]
      const shape = matmulShape({ M: 8, N: width, K: x.cols, aRow: x.stride })
      rec.dispatch(matmul, shape, { a: x, b: w, bias: w, factor: w, residual: w, step: w, c: y })
      rec.dispatch(reluBackward, { count4: 2 * y.stride, scale: 1 }, { y, dy: y, dx })
      x = dx
    }
    return rec
  }
  const cost = record(new Recorder(null)).measure()
  const widths = [100, 36, 8]
  expect(cost).toMatchObject({
    dispatches: 6,
    flops: 2 * 8 * (64 * 100 + 100 * 33 + 33 * 7) + widths.reduce((sum, width) => sum + 4 * 2 * width, 0),
    naiveBytes: 4 * (8 * 64 + 64 * 100 + 100 * 36 + 33 * 8 + 2 * 8 * (100 + 36 + 8)),
    largestBytes: 4 * 64 * 100,
  })
  const plan = record(new Recorder(device)).plan('measured')
  const { plannedBytes, naiveBytes } = plan
  expect({ plannedBytes, naiveBytes }).toEqual({ plannedBytes: cost.plannedBytes, naiveBytes: cost.naiveBytes })
  expect(plannedBytes).toBeLessThan(naiveBytes)
  plan.dispose()
  expect(() => record(new Recorder(null)).plan('nowhere')).toThrow('"nowhere" was recorded without a device')
})

it('lets one dispatch write two ranges of a buffer that all transients share', async () => {
  const R = 64
  const rec = new Recorder(device)
  const [logits, labels, weights] = [0.5, 1, 2].map((value) => given(new Array(R * 4).fill(value)))
  const [loss, gradient] = ['loss', 'gradient'].map((label) => rec.tensor(label, R, 4))
  const outputs = [loss, gradient].map((x) => ({ x, dx: given(new Array(R * 4).fill(0)) }))
  rec.dispatch(
    bceMultiTask,
    { R, T: 4, scale: 1 },
    { logits, labels, labelWeights: labels, taskWeights: weights, loss, dlogits: gradient },
  )
  for (const { x, dx } of outputs) rec.dispatch(reluBackward, { count4: R, scale: 2 }, { y: labels, dy: x, dx })
  const plan = rec.plan('two outputs')
  expect(plan.plannedBytes).toBe(2 * R * 16)
  expect(loss.storage.buffer).toBe(gradient.storage.buffer)
  expect(loss.storage.offsetBytes).not.toBe(gradient.storage.offsetBytes)
  plan.program.submit()
  const sigmoid = 1 / (1 + Math.exp(-0.5))
  for (const [i, want] of [2 * -Math.log(sigmoid), 2 * 2 * (sigmoid - 1)].entries()) {
    const got = new Float32Array(await device.read(outputs[i].dx.storage.buffer!, R * 16))
    for (const value of got) expect(value).toBeCloseTo(want, 5)
  }
  plan.dispose()
})

it('cuts columns at whole vec4 only, and inside the tensor', () => {
  const tensor = given(new Array(12).fill(0))
  expect(columns(tensor, 8, 4)).toMatchObject({ offset: 8, cols: 4, stride: 12 })
  expect(() => columns(tensor, 2, 4)).toThrow(RangeError)
  expect(() => columns(tensor, 8, 5)).toThrow(RangeError)
})

it('cuts parts where bindings may begin only, and inside the tensor', () => {
  const whole = given(new Array(200).fill(0))
  const inner = part(part(whole, 'outer', 256, 1, 136), 'inner', 256, 3, 5)
  expect(inner).toMatchObject({ offset: 0, rows: 3, cols: 5, stride: 8 })
  expect(inner.storage).toMatchObject({ offsetBytes: 512, sizeBytes: 96, buffer: whole.storage.buffer })
  expect(() => part(whole, 'x', 16, 1, 4)).toThrow(RangeError)
  expect(() => part(whole, 'x', 256, 1, 137)).toThrow(RangeError)
})
