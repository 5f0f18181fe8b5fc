import { type Arrays, type GpuDevice, Program, prepareDispatch } from '@headwater/gpu'
import { describe, expect, it } from 'vitest'
import { rowAdagrad } from '../embedding/row-adagrad.ts'
import { sameBits } from '../testing/run-kernel.ts'
import { randomOf, useDevice } from '../testing/test-device.ts'
import { adamBeta1, adamBeta2, adamw } from './adamw.ts'
import { globalNorm } from './global-norm.ts'
import { partialsOf, sumOfSquares } from './sum-of-squares.ts'

const device = useDevice('clipping')

const count = 3001
const count4 = Math.ceil(count / 4)
const [V, D4, R] = [20, 3, 9]
const D = D4 * 4
const maxNorm = 2

const signed = (length: number, random: () => number) => Float32Array.from({ length }, () => random() - 0.5)

/** Two gradients, dense and of a table's rows, and everything that a step changes. */
function stepArrays() {
  const random = randomOf(5)
  return {
    dense: signed(count4 * 4, random).fill(0, count),
    sparse: signed(R * D, random),
    first: signed(count4 * 4, random),
    second: signed(count4 * 4, random).map((x) => x * x),
    values: signed(count4 * 4, random),
    squares: signed(V, random).map((x) => x * x + 0.1),
    table: signed(V * D, random),
    rates: Float32Array.of(1e-3, 0.05, 1 / (1 - adamBeta1), 1 / (1 - adamBeta2), 0.01, 1, 0, 0),
  }
}

/** Norm of both gradients, clip, both optimizers: one submit, nothing read back between. */
async function step(gpu: GpuDevice, arrays: ReturnType<typeof stepArrays>): Promise<Arrays> {
  const made: GPUBuffer[] = []
  const own = (label: string, data: Float32Array | Uint32Array) => {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffer = gpu.buffer(label, data.byteLength, usage)
    gpu.gpuDevice.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>)
    made.push(buffer)
    return buffer
  }
  const b = Object.fromEntries(Object.entries(arrays).map(([k, data]) => [k, own(k, data)])) as {
    [K in keyof typeof arrays]: GPUBuffer
  }
  const gradients = [
    { x: b.dense, count },
    { x: b.sparse, count: R * D },
  ]
  const P = gradients.reduce((sum, g) => sum + partialsOf(g.count), 0)
  const partials = own('partials', new Float32Array(P))
  let offset = 0
  const reductions = gradients.map(({ x, count }) => {
    const at = offset
    offset += partialsOf(count)
    return prepareDispatch(gpu, sumOfSquares, { count, xOffset: 0, partialOffset: at }, { x, partials })
  })
  const groups = own('groups', Uint32Array.of(3, 2, 0, 2, 11, 1, 2, 3))
  const program = new Program(
    gpu,
    [
      ...reductions,
      prepareDispatch(gpu, globalNorm, { P, maxNorm }, { partials, rates: b.rates }),
      prepareDispatch(gpu, adamw, { count4, decayed4: 100 }, { ...b, gradient: b.dense }),
      prepareDispatch(
        gpu,
        rowAdagrad,
        {
          J: 2,
          groupOffset: 0,
          firstRow: 0,
          partRows: V,
          D4,
          gColumn: 0,
          gRow: D4,
          l2: 0,
          longest: 64,
          V,
          P: 3,
          R,
          C: 0,
        },
        {
          ...b,
          groups,
          sources: own('sources', Uint32Array.of(0, 4, 5)),
          weights: own('weights', Float32Array.of(1, 0.5, 1)),
          gradient: b.sparse,
          partials,
        },
      ),
    ],
    'clipped step',
  )
  program.submit()
  const got: Arrays = {}
  for (const name of ['first', 'second', 'values', 'squares', 'table', 'rates'] as const)
    got[name] = new Float32Array(await gpu.read(b[name], arrays[name].byteLength))
  program.dispose()
  for (const buffer of made) gpu.release(buffer)
  return got
}

it('scales both optimizers by the norm of all gradients together', async () => {
  const arrays = stepArrays()
  const got = await step(device(), arrays)
  const norm = Math.hypot(...arrays.dense, ...arrays.sparse)
  expect(norm).toBeGreaterThan(maxNorm)
  const scale = maxNorm / norm
  expect(got.rates![7]).toBeCloseTo(norm, 4)
  expect(got.rates![5]).toBeCloseTo(scale, 6)
  for (let i = 0; i < count; i++)
    expect(got.first![i]).toBeCloseTo(adamBeta1 * arrays.first[i]! + (1 - adamBeta1) * scale * arrays.dense[i]!, 6)
  const g = (d: number) => scale * (arrays.sparse[d]! + 0.5 * arrays.sparse[4 * D + d]!)
  let square = arrays.squares[3]!
  for (let d = 0; d < D; d++) square += g(d) ** 2 / D
  expect(got.squares![3]).toBeCloseTo(square, 6)
  for (let d = 0; d < D; d++)
    expect(got.table![3 * D + d]).toBeCloseTo(arrays.table[3 * D + d]! - (0.05 * g(d)) / Math.sqrt(square), 6)
})

describe('a bad gradient leaves parameters and moments as they were, to the bit', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    for (const tensor of ['dense', 'sparse'] as const)
      it(`${value} in the ${tensor} one`, async () => {
        const arrays = stepArrays()
        arrays[tensor][tensor === 'dense' ? count - 1 : 50] = value
        const got = await step(device(), arrays)
        expect(got.rates![6]).toBe(1)
        for (const output of ['first', 'second', 'values', 'squares', 'table'] as const)
          expect(sameBits(got[output]!, arrays[output]), output).toBe(true)
      })
})
