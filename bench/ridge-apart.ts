/**
 * Ridge regressions by the fused kernel against the same from matmuls: a product for the normal equations of each row and head, and
 * Newton–Schulz steps, X ← X (2 − A X), two products each, for the inverse: as few as come within 1e-5 of the fused result, from a start
 * that is scaled by the largest eigenvalue, which is given. All rows are full, so that padding costs the products nothing.
 * Shape letters: as of the kernel, P = 4 · D4 + 1 numbers of φ.
 */
import { type Dispatch, type GpuDevice, Program, prepareDispatch } from '@headwater/gpu'
import { exampleArrays, matmul, matmulShape, padded, ridgeSolve } from '@headwater/kernels'
import { seededRandom } from '@headwater/statistics'
import { RepeatedRuns } from './repeated-runs.ts'
import { digits, type Spread, spread } from './report.ts'

const s = { R: 512, L: 96, H: 2, D4: 8, given: 0, yOffset: 0 }
const P = s.D4 * 4 + 1
/** Floats of a row of φ, and of A. */
const row = padded(P)
const mostSteps = 24
const rounds = 15
const submitMs = 20
const ridgeBound = 5

export interface RidgeApart {
  readonly steps: number
  readonly fusedMs: Spread
  readonly apartMs: Spread
  /** Apart ÷ fused, round by round. */
  readonly ratio: Spread
}

/** φ of each event, [R · L, row]. */
function phisOf(vectors: Float32Array): Float32Array {
  const D = s.D4 * 4
  const phis = new Float32Array(s.R * s.L * row)
  for (let event = 0; event < s.R * s.L; event++) {
    phis.set(vectors.subarray(event * D, (event + 1) * D), event * row)
    phis[event * row + D] = 1
  }
  return phis
}

/** At least the largest eigenvalue of any A: the largest trace. */
function largestTrace(phis: Float32Array, signals: Float32Array, ridge: Float32Array): number {
  const traces = Array.from({ length: s.R * s.H }, (_, system) => {
    const [r, h] = [Math.floor(system / s.H), system % s.H]
    let trace = 0
    for (let i = 0; i < P; i++) trace += Math.exp(ridge[h * row + i])
    for (let i = r * s.L * row; i < (r + 1) * s.L * row; i++)
      trace += signals[Math.floor(i / row) * 8 + h] * phis[i] ** 2
    return trace
  })
  return Math.max(...traces)
}

export async function measureRidgeApart(device: GpuDevice): Promise<RidgeApart> {
  const owned: GPUBuffer[] = []
  const empty = (label: string, floats: number) => {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffer = device.buffer(label, floats * 4, usage)
    owned.push(buffer)
    return buffer
  }
  const upload = (label: string, data: Float32Array | Uint32Array) => {
    const buffer = empty(label, data.length)
    device.gpuDevice.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>)
    return buffer
  }
  const random = seededRandom(1)
  const given = exampleArrays(ridgeSolve, s, () => random.nextFloat()) as { [name: string]: Float32Array }
  // Of examples one row is empty.
  given.lengths.fill(s.L)
  const inputs = Object.fromEntries(Object.entries(given).map(([name, data]) => [name, upload(name, data)]))
  const fused = [prepareDispatch(device, ridgeSolve, s, inputs as never)]

  const phis = phisOf(given.vectors)
  const phi = upload('φ', phis)
  const unit = (value: number, of = (_: number, __: number) => value) =>
    Float32Array.from({ length: P * row }, (_, i) => (i % row < P ? of(Math.floor(i / row), i % row) : 0))
  const minus = upload('−1', unit(-1))
  const twice = upload(
    '2 I',
    unit(2, (i, j) => (i === j ? 2 : 0)),
  )
  const one = upload('1', new Float32Array(row).fill(1))
  const none = empty('unused', 4)
  const start = 1 / largestTrace(phis, given.signals, given.ridge)
  const product = (
    shape: Parameters<typeof matmulShape>[0],
    buffers: { a: GPUBuffer; b: GPUBuffer; c: GPUBuffer; factor?: GPUBuffer; residual?: GPUBuffer },
  ) =>
    prepareDispatch(
      device,
      matmul,
      matmulShape({ ...shape, hasFactor: buffers.factor ? 1 : 0, hasResidual: buffers.residual ? 1 : 0 }),
      { factor: none, residual: none, bias: none, step: none, ...buffers },
    )
  const square = { M: P, N: P, K: P, batch: s.R, factorBatch: 0, residualBatch: 0 }
  const square1 = { ...square, aRow: row }
  const heads = Array.from({ length: s.H }, (_, h) => {
    const signals = { length: s.R * s.L }
    const weights = Float32Array.from(signals, (_, e) => given.signals[e * 8 + h])
    const residuals = Float32Array.from(signals, (_, e) => given.signals[e * 8 + 4 + h])
    const penalty = unit(0, (i, j) => (i === j ? Math.exp(given.ridge[h * row + i]) : 0))
    return {
      weights: upload('weights', weights),
      // A column of a vec4 a row, as products take it.
      residuals: upload(
        'residuals',
        Float32Array.from({ length: s.R * s.L * 4 }, (_, i) => (i % 4 === 0 ? residuals[i / 4] : 0)),
      ),
      penalty: upload('penalty', penalty),
      weighted: empty('weighted φ', s.R * s.L * row),
      A: empty('A', s.R * P * row),
      b: empty('b', s.R * P * 4),
      T: empty('2 − A X', s.R * P * row),
      X: [0, 1].map((i) => empty(`X ${i}`, s.R * P * row)),
      y: empty('y', s.R * P * 4),
    }
  })
  const starts = new Float32Array(s.R * P * row)
  for (let i = 0; i < s.R * P; i++) starts[i * row + (i % P)] = start
  const first = upload('start', starts)

  const apart = (steps: number): Dispatch[] =>
    heads.flatMap(({ weights, residuals, penalty, weighted, A, b, T, X, y }) => {
      const from = (k: number) => (k === 0 ? first : X[k % 2])
      const events = { aRow: 1, aCol: row, aBatch: s.L * row, K: s.L, M: P, batch: s.R }
      return [
        product({ M: s.R * s.L, N: row, K: 1, aRow: 1 }, { a: weights, b: one, factor: phi, c: weighted }),
        product(
          { ...square, ...events, N: P, bBatch: (s.L * row) / 4 },
          { a: weighted, b: phi, residual: penalty, c: A },
        ),
        product({ ...events, N: 1, bBatch: s.L }, { a: weighted, b: residuals, c: b }),
        ...Array.from({ length: steps }, (_, k) => [
          product(square1, { a: A, b: from(k), factor: minus, residual: twice, c: T }),
          product(square1, { a: from(k), b: T, c: X[(k + 1) % 2] }),
        ]).flat(),
        product({ M: P, N: 1, K: P, batch: s.R, aRow: row }, { a: from(steps), b, c: y }),
      ]
    })
  const valuesOf = async (dispatches: readonly Dispatch[], buffers: readonly GPUBuffer[]) => {
    const program = new Program(device, dispatches, 'ridge')
    program.submit()
    const values = await Promise.all(buffers.map(async (buffer) => new Float32Array(await device.read(buffer))))
    program.dispose()
    return values
  }
  const [wanted] = await valuesOf(fused, [inputs.y])
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  let steps = 0
  for (let missed = 1; missed > 1e-5; ) {
    if (++steps > mostSteps) throw new Error(`${mostSteps} Newton–Schulz steps are ${missed} off the fused result.`)
    const got = await valuesOf(
      apart(steps),
      heads.map(({ y }) => y),
    )
    missed = 0
    for (let r = 0; r < s.R; r++)
      for (let h = 0; h < s.H; h++)
        for (let i = 0; i < P; i++)
          missed = Math.max(missed, Math.abs(got[h][(r * P + i) * 4] - wanted[(r * s.H + h) * row + i]) / scale)
  }
  const runs = [
    await RepeatedRuns.make(device, fused, submitMs),
    await RepeatedRuns.make(device, apart(steps), submitMs),
  ]
  const times: number[][] = [[], []]
  for (let round = 0; round < rounds; round++) for (const [i, run] of runs.entries()) times[i].push(await run.timeMs())
  for (const run of runs) run.dispose()
  for (const buffer of owned) device.release(buffer)
  const [fusedMs, apartMs] = times.map(spread)
  return { steps, fusedMs, apartMs, ratio: spread(times[1].map((ms, round) => ms / times[0][round])) }
}

export const ridgeText = ({ steps, fusedMs, apartMs, ratio }: RidgeApart): string =>
  `ridge regressions of ${s.R} rows, ${s.H} heads, ${s.L} events, width ${s.D4 * 4}: ${digits(fusedMs.median)} ms fused, ` +
  `${digits(apartMs.median)} ms from matmuls with ${steps} Newton–Schulz steps, ${ratio.median.toFixed(1)} × ` +
  `(at least ${ridgeBound}: ${ratio.median >= ridgeBound ? 'holds' : 'MISSED'})`
