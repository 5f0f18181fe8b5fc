/**
 * What fusing is worth for sequences: 512 rows of 128 events, all full, in fused kernels and in a chain of the library's other
 * kernels that stores what lies between. Both do the same work on the same inputs in turn; a measurement is a submit of as
 * many runs as fill 20 ms, and the ratio is the median of the rounds' ratios.
 * Shape letters: R rows, L events a row, d width, V table rows, W sums.
 */
import { type Dispatch, type GpuDevice, type Kernel, prepareDispatch, requestDevice, type Shape } from '@headwater/gpu'
import {
  chunkSums,
  copyShape,
  gather,
  gatherModes,
  layoutCopy,
  matmul,
  matmulShape,
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

const comparisons: readonly Comparison[] = [...sums(16, 4), ...sums(64, 4)]

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
