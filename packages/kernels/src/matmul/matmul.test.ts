import { type AnyKernel, type Arrays, prepareDispatch, type Shape, type Tuning } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { describe, expect, it } from 'vitest'
import { exampleArrays } from '../examples/example.ts'
import { outputsOf, runKernel } from '../testing/run-kernel.ts'
import { useDevice } from '../testing/test-device.ts'
import { activations } from '../wgsl/activation.ts'
import { matmul } from './matmul.ts'
import { type MatmulShape, matmulShape } from './shape.ts'
import { matmulTransposedB } from './transposed-b.ts'

const device = useDevice('matmul')

const supported = (kernel: AnyKernel) =>
  (kernel.tunings as readonly Tuning[]).filter((tuning) => device().supports(tuning))

/** Runs a kernel in one of its tunings; bindings that are not given hold what the shape makes of zeros. */
async function run(
  kernel: AnyKernel,
  shape: Shape,
  given: { [name: string]: ArrayLike<number> },
  tuning: Tuning = device().tuning(kernel, shape),
): Promise<{ [name: string]: Float32Array | Uint32Array }> {
  const example: Arrays = exampleArrays(kernel, shape, () => 0.5)
  const arrays = Object.fromEntries(
    Object.entries(example).map(([name, like]) => {
      const array = new (like.constructor as typeof Float32Array)(like.length)
      if (given[name]) array.set(given[name])
      return [name, array]
    }),
  )
  return runKernel(device(), kernel, tuning, shape, arrays)
}

function normals(count: number, seed: number): Float32Array {
  const random = seededRandom(seed)
  return Float32Array.from({ length: count }, () => random.nextNormal())
}

/** [M, K] · [K, N] in float64. */
function product(a: ArrayLike<number>, b: ArrayLike<number>, M: number, K: number, N: number): Float64Array {
  const c = new Float64Array(M * N)
  for (let m = 0; m < M; m++)
    for (let k = 0; k < K; k++) for (let n = 0; n < N; n++) c[m * N + n]! += a[m * K + k]! * b[k * N + n]!
  return c
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** Of [rows, columns] → [columns, rows]. */
const transposed = (a: ArrayLike<number>, rows: number, columns: number) =>
  Float32Array.from({ length: rows * columns }, (_, i) => a[(i % rows) * columns + Math.floor(i / rows)]!)

const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

describe('the backward of a linear layer is three matmuls', () => {
  // y = gelu(x W + b), rows of x, y and W padded to vec4 already
  const [R, inputs, outputs] = [24, 20, 12]
  const x = normals(R * inputs, 1)
  const w = normals(inputs * outputs, 2).map((v) => v / 4)
  const bias = normals(outputs, 3)
  const weights = normals(R * outputs, 4)
  const linear = (xs: ArrayLike<number>, ws: ArrayLike<number>) =>
    product(xs, ws, R, inputs, outputs).map((v, i) => v + bias[i % outputs]!)
  const loss = (xs: ArrayLike<number>, ws: ArrayLike<number>) => dot(weights, linear(xs, ws).map(gelu))
  const h = 1e-5
  const dc = Float32Array.from(linear(x, w), (v, i) => (weights[i]! * (gelu(v + h) - gelu(v - h))) / (2 * h))
  const along = (f: (step: number) => number) => (f(h) - f(-h)) / (2 * h)
  const moved = (at: Float32Array, direction: Float32Array, step: number) =>
    Float64Array.from(at, (v, i) => v + step * direction[i]!)

  it('forward: one dispatch', async () => {
    const shape = matmulShape({ M: R, N: outputs, K: inputs, hasBias: 1, activation: activations.gelu })
    const { c } = await run(matmul, shape, { a: x, b: w, bias })
    expect(dot(c!, weights)).toBeCloseTo(loss(x, w), 3)
  })

  for (const [way, dx] of [
    [
      'dx = dc · Wᵀ, W as it lies',
      () => run(matmulTransposedB, matmulShape({ M: R, N: inputs, K: outputs }, 'transposed'), { a: dc, b: w }),
    ],
    [
      'dx = dc · Wᵀ, from a transposed copy',
      () => run(matmul, matmulShape({ M: R, N: inputs, K: outputs }), { a: dc, b: transposed(w, inputs, outputs) }),
    ],
  ] as const)
    it(way, async () => {
      const { c } = await dx()
      for (const seed of [5, 6, 7]) {
        const direction = normals(x.length, seed)
        const numeric = along((step) => loss(moved(x, direction, step), w))
        expect(Math.abs(dot(c!, direction) - numeric)).toBeLessThan(1e-4 * (1 + Math.abs(numeric)))
      }
    })

  it('dW = xᵀ · dc by strides', async () => {
    const shape = matmulShape({ M: inputs, N: outputs, K: R, aRow: 1, aCol: inputs })
    const { c } = await run(matmul, shape, { a: x, b: dc })
    for (const seed of [8, 9, 10]) {
      const direction = normals(w.length, seed)
      const numeric = along((step) => loss(x, moved(w, direction, step)))
      expect(Math.abs(dot(c!, direction) - numeric)).toBeLessThan(1e-4 * (1 + Math.abs(numeric)))
    }
  })
})

it('computes a DCN-v2 cross layer in one dispatch: x₀ ⊙ (x W + b) + x', async () => {
  const [R, D] = [37, 44]
  const [x0, x, w, bias] = [normals(R * D, 1), normals(R * D, 2), normals(D * D, 3), normals(D, 4)]
  const shape = matmulShape({ M: R, N: D, K: D, hasBias: 1, hasFactor: 1, hasResidual: 1 })
  const { c } = await run(matmul, shape, { a: x, b: w, bias, factor: x0, residual: x })
  const want = product(x, w, R, D, D).map((v, i) => x0[i]! * (v + bias[i % D]!) + x[i]!)
  for (const [i, value] of want.entries()) expect(Math.abs(c![i]! - value)).toBeLessThan(1e-4)
})

it('mixes tokens without a transposed copy: Y[b] = W · X[b] + bias of the token', async () => {
  const [B, out, tokens, D] = [7, 5, 9, 12]
  const [w, x, bias] = [normals(out * 12, 1), normals(B * tokens * D, 2), normals(8, 3)]
  const shape = matmulShape({ M: out, N: D, K: tokens, batch: B, aRow: 12, aBatch: 0, hasBias: 2 })
  for (const tuning of supported(matmul)) {
    const { c } = await run(matmul, shape, { a: w.subarray(0, 4 * 12 + tokens), b: x, bias }, tuning)
    for (let b = 0; b < B; b++)
      for (let m = 0; m < out; m++)
        for (let d = 0; d < D; d++) {
          let want = bias[m]!
          for (let t = 0; t < tokens; t++) want += w[m * 12 + t]! * x[(b * tokens + t) * D + d]!
          expect(Math.abs(c![(b * out + m) * D + d]! - want)).toBeLessThan(1e-4)
        }
  }
})

describe('what a product does not use cannot reach it', () => {
  // Gaps in A, rows of B behind the last and of the padding's guards: all NaN. Tiles reach over every edge.
  const shape = matmulShape({ M: 13, N: 40, K: 11, batch: 2, aRow: 16, aBatch: 13 * 16, bRow: 12, bBatch: 12 * 15 })
  const a = new Float32Array(matmul.sizes(shape).a).fill(Number.NaN)
  const elements = normals(2 * 11 * (13 + 40), 1)
  for (let b = 0; b < 2; b++)
    for (let m = 0; m < 13; m++) for (let k = 0; k < 11; k++) a[b * 208 + m * 16 + k] = elements[(b * 13 + m) * 11 + k]!

  it('row-major B', async () => {
    const b = new Float32Array(matmul.sizes(shape).b * 4).fill(Number.NaN)
    for (let i = 0; i < 2; i++)
      for (let k = 0; k < 11; k++)
        for (let n = 0; n < 40; n++) b[(i * 180 + k * 12) * 4 + n] = elements[i * 440 + k * 40 + n]!
    for (const tuning of supported(matmul)) {
      const { c } = await run(matmul, shape, { a, b }, tuning)
      expect(c!.every(Number.isFinite), tuning.name).toBe(true)
    }
  })

  it('transposed B', async () => {
    const turned: MatmulShape = { ...shape, N: 38, bRow: 4, bBatch: 40 * 4 }
    const b = new Float32Array(matmulTransposedB.sizes(turned).b * 4).fill(Number.NaN)
    for (let i = 0; i < 2; i++)
      for (let n = 0; n < 38; n++)
        for (let k = 0; k < 11; k++) b[(i * 160 + n * 4) * 4 + k] = elements[i * 440 + n * 11 + k]!
    for (const tuning of supported(matmulTransposedB)) {
      const { c } = await run(matmulTransposedB, turned, { a, b }, tuning)
      expect(c!.every(Number.isFinite), tuning.name).toBe(true)
    }
  })
})

it('refuses a shape that reaches over its buffers, and a dimension of 0', () => {
  const usage = GPUBufferUsage.STORAGE
  const buffers = Object.fromEntries(
    Object.entries(matmul.sizes(matmulShape({ M: 8, N: 8, K: 8 }))).map(([name, size]) => [
      name,
      device().buffer(name, size * (['a', 'step'].includes(name) ? 4 : 16), usage),
    ]),
  ) as { [K in 'a' | 'b' | 'bias' | 'factor' | 'residual' | 'step' | 'c']: GPUBuffer }
  expect(() => prepareDispatch(device(), matmul, matmulShape({ M: 8, N: 8, K: 8 }), buffers)).not.toThrow()
  expect(() => prepareDispatch(device(), matmul, matmulShape({ M: 8, N: 8, K: 9 }), buffers)).toThrow(/\b[ab]\b/)
  expect(() => prepareDispatch(device(), matmul, matmulShape({ M: 8, N: 8, K: 0 }), buffers)).toThrow(/\bK\b/)
  for (const buffer of Object.values(buffers)) device().release(buffer)
})

it('names every tuning apart and covers every bucket by a benchmark', () => {
  for (const kernel of [matmul, matmulTransposedB]) {
    expect(new Set(kernel.tunings.map(({ name }) => name)).size).toBe(kernel.tunings.length)
    const buckets = new Set(kernel.benchmarks.map((shape) => kernel.bucket!(shape)))
    const random = seededRandom(1)
    for (let i = 0; i < 500; i++) {
      const shape = kernel.draw((low, high) => low + random.nextBelow(high - low + 1))
      expect(buckets).toContain(kernel.bucket!(shape))
    }
    expect(outputsOf(kernel)).toEqual(['c'])
  }
})
