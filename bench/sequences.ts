/**
 * What fusing is worth for sequences: rows of 128 events, all full, in fused kernels and in a chain of the library's other
 * kernels that stores what lies between. Both do the same work on the same inputs in turn; a measurement is a submit of as
 * many runs as fill 20 ms, and the ratio is the median of the rounds' ratios.
 * Shape letters: R rows, L events a row, N of all rows, d width, V table rows, W sums, M queries, P places and T times.
 */
import { type Dispatch, type GpuDevice, type Kernel, prepareDispatch, requestDevice, type Shape } from '@headwater/gpu'
import {
  activationBackward,
  activationForward,
  activations,
  chunkSums,
  copyShape,
  gather,
  gatherModes,
  layoutCopy,
  matmul,
  matmulShape,
  matmulTransposedB,
  pointwiseAttentionBackwardKeyValue,
  pointwiseAttentionBackwardQuery,
  pointwiseAttentionForward,
  pointwisePoolBackward,
  pointwisePoolForward,
  sequenceSumsBackward,
  sequenceSumsForward,
} from '@headwater/kernels'
import { seededRandom } from '@headwater/statistics'
import { RepeatedRuns } from './repeated-runs.ts'
import { digits, matching, options, progress, provenance, publish, runBench, spread, table } from './report.ts'

const rounds = 11
const submitMs = 20
const [R, L, V] = [512, 128, 20_000]
const N = R * L

/** Buffers of one comparison. */
class Operands {
  readonly #device: GpuDevice
  readonly #owned: GPUBuffer[] = []
  readonly #random = seededRandom(1)

  constructor(device: GpuDevice) {
    this.#device = device
  }

  of(data: Float32Array | Uint32Array): GPUBuffer {
    const buffer = this.empty(data.length)
    this.#device.gpuDevice.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>)
    return buffer
  }

  empty(words: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
    const buffer = this.#device.buffer('operand', words * 4, usage)
    this.#owned.push(buffer)
    return buffer
  }

  floats = (count: number) => this.of(Float32Array.from({ length: count }, () => this.#random.nextFloat() * 2 - 1))
  below = (count: number, limit: number) =>
    this.of(Uint32Array.from({ length: count }, () => this.#random.nextBelow(limit)))

  run<S extends Shape, B extends string>(kernel: Kernel<S, B>, shape: S, buffers: { readonly [K in B]: GPUBuffer }) {
    return prepareDispatch(this.#device, kernel, shape, buffers)
  }

  dispose(): void {
    for (const buffer of this.#owned) this.#device.release(buffer)
  }
}

interface Comparison {
  readonly name: string
  /** How many times as fast the fused kernels have to be; null where they are there for memory. */
  readonly bound: number | null
  /** Bytes of the largest tensor that the chain stores and the fused kernels do not. */
  readonly storedBytes: number
  prepare(on: Operands): { readonly fused: readonly Dispatch[]; readonly apart: readonly Dispatch[] }
}

/** Sums by W weights of what events look up in a table, and the gradient of the table, a row a group of lookups. */
function sums(d: number, W: number): Comparison[] {
  const [D4, C, scale] = [d / 4, W + 3, 8]
  const about = { L, C, W, D4, first: 3, scale }
  const storedBytes = N * d * 4
  const name = (way: string) => `sums ${way}, width ${d}, ${W} weights`
  const weightsOf = {
    M: W,
    N: d,
    K: L,
    batch: R,
    aOffset: 3,
    aRow: 1,
    aCol: C,
    aBatch: L * C,
    bBatch: L * D4,
    cBatch: W * D4,
  }
  return [
    {
      name: name('forward'),
      bound: null,
      storedBytes,
      prepare(on) {
        const [table, ids, channels] = [on.floats(V * d), on.below(N, V), on.floats(N * C)]
        const tables = { table0: table, table1: table, table2: table, table3: table }
        const [y, v, product, unused] = [on.empty(R * W * d), on.empty(N * d), on.empty(R * W * d), on.empty(4)]
        const full = on.of(new Uint32Array(R).fill(L))
        const ones = on.of(new Uint32Array(N).fill(1))
        const part = { V, partRows: V, yColumn: 0 }
        const given = { bias: unused, factor: unused, residual: unused, step: unused }
        return {
          fused: [
            on.run(
              sequenceSumsForward,
              { ...about, ...part, R, yRow: W * D4, accumulate: 0 },
              { ...tables, ids, lengths: full, channels, y },
            ),
          ],
          apart: [
            on.run(
              gather,
              { ...part, R: N, M: 1, D4, mode: gatherModes.sum, yRow: D4 },
              { ...tables, ids, lengths: ones, y: v },
            ),
            on.run(matmul, matmulShape(weightsOf), { ...given, a: channels, b: v, c: product }),
            on.run(layoutCopy, copyShape({ R, C: W * D4, scale }), { input: product, output: y }),
          ],
        }
      },
    },
    {
      name: name('backward'),
      bound: null,
      storedBytes,
      prepare(on) {
        const [channels, dy, scaled, dv, unused] = [
          on.floats(N * C),
          on.floats(R * W * d),
          on.empty(R * W * d),
          on.empty(N * d),
          on.empty(4),
        ]
        const { starts, sources, chunks } = groupedLookups()
        const lookups = { starts: on.of(starts), sources: on.of(sources) }
        const partials = on.empty(chunks * d)
        const ones = on.of(new Float32Array(N).fill(1))
        const events = {
          M: L,
          N: d,
          K: W,
          batch: R,
          aOffset: 3,
          aRow: C,
          aBatch: L * C,
          bBatch: W * D4,
          cBatch: L * D4,
        }
        const given = { bias: unused, factor: unused, residual: unused, step: unused }
        return {
          fused: [
            on.run(
              sequenceSumsBackward,
              { ...about, N: chunks, gColumn: 0, gRow: W * D4, P: N, R },
              { ...lookups, channels, gradient: dy, partials },
            ),
          ],
          apart: [
            on.run(layoutCopy, copyShape({ R, C: W * D4, scale }), { input: dy, output: scaled }),
            on.run(matmul, matmulShape(events), { ...given, a: channels, b: scaled, c: dv }),
            on.run(
              chunkSums,
              { C: chunks, D4, gColumn: 0, gRow: D4, P: N, R: N },
              { ...lookups, weights: ones, gradient: dv, partials },
            ),
          ],
        }
      },
    },
  ]
}

/** Events in groups of one table row, drawn evenly, a chunk a group, the longest first, as batches are grouped. */
function groupedLookups() {
  const random = seededRandom(2)
  const lists = Array.from({ length: V }, (): number[] => [])
  for (let event = 0; event < N; event++) lists[random.nextBelow(V)].push(event)
  const filled = lists.filter(({ length }) => length > 0).sort((a, b) => b.length - a.length)
  const starts = new Uint32Array(filled.length + 1)
  for (const [c, { length }] of filled.entries()) starts[c + 1] = starts[c] + length
  return { starts, sources: Uint32Array.from(filled.flat()), chunks: filled.length }
}

/** Ages that grow with the distance from the newest event, in seconds, and rows without gaps. */
const rowsAndAges = (on: Operands, rows: number) => ({
  rows: on.of(Uint32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? (i / 2) * L : L))),
  ages: on.of(Uint32Array.from({ length: rows * L }, (_, i) => 60 * (L - (i % L)) ** 2)),
})

const [P, T] = [12, 32]

/**
 * Causal attention of one head over `rows` rows. The chain has the biases of all pairs given as a matrix, and works out the
 * pairs that causality leaves out, too; gradients of the biases are the fused kernels' own.
 */
function pointwiseAttention(rows: number, d: number): Comparison[] {
  const shape = {
    ...{ B: rows, L, N: rows * L, H: 1, D: d, P, T, biasRow: P + T, fill: 0, scale: 1 },
    ...{ qOffset: 0, kOffset: d, vOffset: 2 * d, row: 3 * d, yOffset: 0, yRow: d },
  }
  const side = (which: number) => ({ offset: which * d, row: 3 * d, batch: L * 3 * d })
  const [q, k, v] = [side(0), side(1), side(2)]
  const pairs = { offset: 0, row: L, batch: L * L }
  const out = { offset: 0, row: d, batch: L * d }
  type Side = typeof q
  const asA = ({ offset, row, batch }: Side) => ({ aOffset: offset, aRow: row, aBatch: batch })
  const asAT = ({ offset, row, batch }: Side) => ({ aOffset: offset, aRow: 1, aCol: row, aBatch: batch })
  const asB = ({ offset, row, batch }: Side) => ({ bOffset: offset / 4, bRow: row / 4, bBatch: batch / 4 })
  const asC = ({ offset, row, batch }: Side) => ({ cOffset: offset / 4, cRow: row / 4, cBatch: batch / 4 })
  const ofPairs = { M: L, N: L, K: d, batch: rows, ...asC(pairs) }
  const ofEvents = { M: L, N: d, K: L, batch: rows }
  const storedBytes = rows * L * L * 4
  const name = (way: string) => `pointwise attention ${way}, ${rows} rows, width ${d}`
  const operands = (on: Operands) => ({
    ...{ qkv: on.floats(rows * L * 3 * d), ...rowsAndAges(on, rows), biases: on.floats(P + T) },
    ...{ ofPairs: on.floats(rows * L * L), scores: on.empty(rows * L * L), unused: on.empty(4) },
  })
  const withBiases = (on: Operands, { ofPairs: input, scores }: ReturnType<typeof operands>) =>
    on.run(layoutCopy, copyShape({ R: rows * L, C: L / 4 }), { input, output: scores })
  return [
    {
      name: name('forward'),
      bound: 2,
      storedBytes,
      prepare(on) {
        const { qkv, rows: places, ages, biases, ofPairs: given, scores, unused } = operands(on)
        const [y, mask] = [
          on.empty(rows * L * d),
          on.of(Float32Array.from({ length: L * L }, (_, i) => (i % L <= i / L ? 1 : 0))),
        ]
        const none = { bias: unused, residual: unused, step: unused, factor: mask }
        const silu = { activation: activations.silu, hasFactor: 1, factorBatch: 0 } as const
        return {
          fused: [on.run(pointwiseAttentionForward, shape, { qkv, rows: places, ages, biases, y })],
          apart: [
            on.run(layoutCopy, copyShape({ R: rows * L, C: L / 4 }), { input: given, output: scores }),
            on.run(
              matmulTransposedB,
              matmulShape({ ...ofPairs, ...asA(q), ...asB(k), ...silu, accumulate: 1 }, 'transposed'),
              { ...none, a: qkv, b: qkv, c: scores },
            ),
            on.run(matmul, matmulShape({ ...ofEvents, ...asA(pairs), ...asB(v), ...asC(out) }), {
              ...none,
              a: scores,
              b: qkv,
              c: y,
            }),
          ],
        }
      },
    },
    {
      name: name('backward'),
      bound: 2,
      storedBytes: 4 * storedBytes,
      prepare(on) {
        const given = operands(on)
        const { qkv, rows: places, ages, biases, scores, unused } = given
        const [dy, dqkv, dqkvApart] = [on.floats(rows * L * d), on.empty(rows * L * 3 * d), on.empty(rows * L * 3 * d)]
        const partial = on.empty(rows * (L / 8) * (P + T))
        const [weights, dWeights, dScores] = [0, 0, 0].map(() => on.empty(rows * L * L))
        const inputs = { qkv, rows: places, ages, biases, dy }
        const none = { bias: unused, residual: unused, step: unused, factor: unused }
        const silu = { count4: (rows * L * L) / 4, code: activations.silu, dropout: 0, site: 0 }
        return {
          fused: [
            on.run(pointwiseAttentionBackwardQuery, shape, { ...inputs, dqkv, partial }),
            on.run(pointwiseAttentionBackwardKeyValue, shape, { ...inputs, dqkv }),
          ],
          apart: [
            withBiases(on, given),
            on.run(matmulTransposedB, matmulShape({ ...ofPairs, ...asA(q), ...asB(k), accumulate: 1 }, 'transposed'), {
              ...none,
              ...{ a: qkv, b: qkv, c: scores },
            }),
            on.run(activationForward, silu, { x: scores, step: unused, y: weights }),
            on.run(matmul, matmulShape({ ...ofEvents, ...asAT(pairs), ...asB(out), ...asC(v) }), {
              ...none,
              ...{ a: weights, b: dy, c: dqkvApart },
            }),
            on.run(matmulTransposedB, matmulShape({ ...ofPairs, ...asA(out), ...asB(v) }, 'transposed'), {
              ...none,
              ...{ a: dy, b: qkv, c: dWeights },
            }),
            on.run(activationBackward, silu, { x: scores, step: unused, dy: dWeights, dx: dScores }),
            on.run(matmul, matmulShape({ ...ofEvents, ...asA(pairs), ...asB(k), ...asC(q) }), {
              ...none,
              ...{ a: dScores, b: qkv, c: dqkvApart },
            }),
            on.run(matmul, matmulShape({ ...ofEvents, ...asAT(pairs), ...asB(q), ...asC(k) }), {
              ...none,
              ...{ a: dScores, b: qkv, c: dqkvApart },
            }),
          ],
        }
      },
    },
  ]
}

/** M queries to the events of R rows; the chain has the biases of all pairs given as a matrix. */
function pointwisePool(d: number, M: number): Comparison[] {
  const D4 = d / 4
  const shape = { B: R, L, N, M, D4, P, T, biasRow: P + T, yColumn: 0, yRow: M * D4, accumulate: 0, fill: 0, scale: 1 }
  const storedBytes = N * M * 4
  const operands = (on: Operands) => ({
    ...{ x: on.floats(N * d), ...rowsAndAges(on, R), queries: on.floats(M * d), biases: on.floats(M * (P + T)) },
    ...{ ofPairs: on.floats(N * M), scores: on.empty(N * M), unused: on.empty(4) },
  })
  const scored = { M: N, N: M, K: d, accumulate: 1 } as const
  const byRow = { aRow: 1, aCol: M, aBatch: L * M }
  const pooled = { M, N: d, K: L, batch: R, ...byRow, bBatch: L * D4, cBatch: M * D4 }
  return [
    {
      name: `pointwise pooling forward, width ${d}, ${M} queries`,
      bound: null,
      storedBytes,
      prepare(on) {
        const { x, rows, ages, queries, biases, ofPairs, scores, unused } = operands(on)
        const y = on.empty(R * M * d)
        const none = { bias: unused, residual: unused, step: unused, factor: unused }
        return {
          fused: [on.run(pointwisePoolForward, shape, { x, rows, ages, queries, biases, y })],
          apart: [
            on.run(layoutCopy, copyShape({ R: N, C: M / 4 }), { input: ofPairs, output: scores }),
            on.run(matmulTransposedB, matmulShape({ ...scored, activation: activations.silu }, 'transposed'), {
              ...none,
              ...{ a: x, b: queries, c: scores },
            }),
            on.run(matmul, matmulShape(pooled), { ...none, a: scores, b: x, c: y }),
          ],
        }
      },
    },
    {
      name: `pointwise pooling backward, width ${d}, ${M} queries`,
      bound: null,
      storedBytes: 4 * storedBytes,
      prepare(on) {
        const { x, rows, ages, queries, biases, ofPairs, scores, unused } = operands(on)
        const [dy, dx, dxApart] = [on.floats(R * M * d), on.empty(N * d), on.empty(N * d)]
        const [partial, partialApart] = [on.empty(R * M * (d + P + T)), on.empty(R * M * d)]
        const [weights, dWeights, dScores] = [0, 0, 0].map(() => on.empty(N * M))
        const none = { bias: unused, residual: unused, step: unused, factor: unused }
        const silu = { count4: (N * M) / 4, code: activations.silu, dropout: 0, site: 0 }
        const ofEvents = { M: L, N: d, K: M, batch: R, aBatch: L * M, bBatch: M * D4, cBatch: L * D4 }
        const ofPairsByRow = { M: L, N: M, K: d, batch: R, aBatch: L * d, bBatch: M * D4, cBatch: (L * M) / 4 }
        return {
          fused: [on.run(pointwisePoolBackward, shape, { x, rows, ages, queries, biases, dy, dx, partial })],
          apart: [
            on.run(layoutCopy, copyShape({ R: N, C: M / 4 }), { input: ofPairs, output: scores }),
            on.run(matmulTransposedB, matmulShape(scored, 'transposed'), { ...none, a: x, b: queries, c: scores }),
            on.run(activationForward, silu, { x: scores, step: unused, y: weights }),
            on.run(matmul, matmulShape(ofEvents), { ...none, a: weights, b: dy, c: dxApart }),
            on.run(matmulTransposedB, matmulShape(ofPairsByRow, 'transposed'), { ...none, a: x, b: dy, c: dWeights }),
            on.run(activationBackward, silu, { x: scores, step: unused, dy: dWeights, dx: dScores }),
            on.run(matmul, matmulShape({ M: N, N: d, K: M, accumulate: 1 }), {
              ...none,
              a: dScores,
              b: queries,
              c: dxApart,
            }),
            on.run(matmul, matmulShape(pooled), { ...none, a: dScores, b: x, c: partialApart }),
          ],
        }
      },
    },
  ]
}

const comparisons: readonly Comparison[] = [
  ...sums(16, 4),
  ...sums(64, 4),
  ...pointwiseAttention(256, 16),
  ...pointwiseAttention(128, 32),
  ...pointwisePool(16, 4),
  ...pointwisePool(64, 4),
]

async function compare(device: GpuDevice, { name, bound, storedBytes, prepare }: Comparison) {
  const on = new Operands(device)
  const { fused, apart } = prepare(on)
  const ways = [await RepeatedRuns.make(device, fused, submitMs), await RepeatedRuns.make(device, apart, submitMs)]
  const times: number[][] = [[], []]
  for (let round = 0; round < rounds; round++)
    for (const i of [round % 2, 1 - (round % 2)]) times[i].push(await ways[i].timeMs())
  for (const way of ways) way.dispose()
  on.dispose()
  const [fusedMs, apartMs] = times.map((timesMs) => spread(timesMs))
  const ratio = spread(times[1].map((ms, round) => ms / times[0][round]))
  const kernels = fused.map(({ kernel, tuning }) => `${kernel} (${tuning})`)
  progress(`${name}: ${digits(fusedMs.median)} ms fused, ${digits(apartMs.median)} apart, ${digits(ratio.median)} ×`)
  return { name, kernels, fusedMs, apartMs, ratio, bound, storedBytes, firstMs: ways[0].firstMs }
}

await runBench(async () => {
  const device = await requestDevice({ label: 'sequences bench' })
  const figures: Awaited<ReturnType<typeof compare>>[] = []
  for (const comparison of matching(comparisons, options().filter)) figures.push(await compare(device, comparison))
  const cells = (of: (figure: (typeof figures)[number]) => string) => figures.map(of)
  const text = table([
    { title: 'work', cells: cells(({ name }) => name) },
    { title: 'fused, ms', cells: cells(({ fusedMs }) => digits(fusedMs.median)) },
    { title: 'apart, ms', cells: cells(({ apartMs }) => digits(apartMs.median)) },
    { title: 'apart ÷ fused', cells: cells(({ ratio }) => `${digits(ratio.median)} ×`) },
    { title: 'p10 – p90', cells: cells(({ ratio }) => `${digits(ratio.p10)} – ${digits(ratio.p90)}`) },
    { title: 'not stored, MB', cells: cells(({ storedBytes }) => digits(storedBytes / 1e6)) },
    {
      title: 'asked',
      cells: cells(({ ratio, bound }) => (bound ? `≥ ${bound} × ${ratio.median >= bound ? 'holds' : 'MISSED'}` : '')),
    },
    { title: 'kernels', cells: cells(({ kernels }) => kernels.join(', ')), left: true },
  ])
  publish('sequences', provenance(device), text, { R, L, V, rounds, comparisons: figures })
  device.destroy()
})
