import { type Arrays, type GpuDevice, Program, prepareDispatch, type ReferenceArrays } from '@headwater/gpu'
import { describe, expect, it } from 'vitest'
import { exampleArrays } from '../examples/example.ts'
import { sameBits } from '../testing/run-kernel.ts'
import { randomOf, useDevice } from '../testing/test-device.ts'
import { chunkSums } from './chunk-sums.ts'
import { gather, gatherModes } from './gather.ts'
import { rowAdagrad } from './row-adagrad.ts'

const device = useDevice('popular rows')

const D4 = 5
const D = D4 * 4
const V = 50
const longest = 64
const R = 700

/** 12,000 lookups, of which 10,000 are of one row; groups in order of length, the long ones cut into chunks. */
function lookups(random: () => number) {
  const lists = Array.from({ length: V }, (): number[] => [])
  for (let i = 0; i < 12_000; i++)
    lists[i < 10_000 ? 17 : Math.floor(V * random() ** 4)]!.push(Math.floor(random() * R))
  const order = lists.map((_, row) => row).sort((a, b) => lists[b]!.length - lists[a]!.length)
  const sources = order.flatMap((row) => lists[row]!)
  const starts = [0]
  const groups: number[] = []
  let at = 0
  for (const row of order) {
    const end = at + lists[row]!.length
    if (end - at > longest) {
      const chunk = starts.length - 1
      for (let i = at; i < end; i += longest) starts.push(Math.min(end, i + longest))
      groups.push(row, end - at, chunk, starts.length - 1)
    } else groups.push(row, end - at, at, end)
    at = end
  }
  return {
    groups: Uint32Array.from(groups),
    sources: Uint32Array.from(sources),
    starts: Uint32Array.from(starts),
    lists,
  }
}

async function update(gpu: GpuDevice, arrays: Arrays, P: number, C: number): Promise<Arrays> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const buffers = Object.fromEntries(
    Object.entries(arrays).map(([name, data]) => {
      const buffer = gpu.buffer(name, data.byteLength, usage)
      gpu.gpuDevice.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>)
      return [name, buffer]
    }),
  ) as Record<string, GPUBuffer>
  const { starts, sources, weights, gradient, partials, groups, rates, squares, table } = buffers as {
    [name: string]: GPUBuffer
  } & Record<
    'starts' | 'sources' | 'weights' | 'gradient' | 'partials' | 'groups' | 'rates' | 'squares' | 'table',
    GPUBuffer
  >
  const common = { D4, gColumn: 0, gRow: D4, P, R }
  const program = new Program(
    gpu,
    [
      prepareDispatch(gpu, chunkSums, { ...common, C }, { starts, sources, weights, gradient, partials }),
      prepareDispatch(
        gpu,
        rowAdagrad,
        { ...common, J: V, groupOffset: 0, firstRow: 0, partRows: V, l2: 0, longest, V, C },
        { groups, sources, weights, gradient, partials, rates, squares, table },
      ),
    ],
    'popular row',
  )
  program.submit()
  const got = {
    squares: new Float32Array(await gpu.read(squares, V * 4)),
    table: new Float32Array(await gpu.read(table, V * D * 4)),
  }
  program.dispose()
  for (const buffer of Object.values(buffers)) gpu.release(buffer)
  return got
}

it('a row with 10,000 lookups is summed by chunks, in the same order every time', async () => {
  const random = randomOf(21)
  const { groups, sources, starts, lists } = lookups(random)
  const C = starts.length - 1
  const signed = (length: number) => Float32Array.from({ length }, () => random() - 0.5)
  const gradient = signed(R * D)
  const table = signed(V * D)
  const weights = Float32Array.from(sources, (source) => 1 / (1 + (source % 7)))
  const arrays = {
    groups,
    sources,
    starts,
    weights,
    gradient,
    table,
    partials: new Float32Array(C * D),
    rates: Float32Array.of(0, 0.05, 0, 0, 0, 1, 0, 0),
    squares: new Float32Array(V).fill(0.5),
  }
  const got = await update(device(), arrays, sources.length, C)
  for (const [row, list] of lists.entries()) {
    const g = Array.from({ length: D }, (_, d) =>
      list.reduce((sum, source) => sum + gradient[source * D + d]! / (1 + (source % 7)), 0),
    )
    const square = list.length > 0 ? 0.5 + g.reduce((sum, x) => sum + x * x, 0) / D : 0.5
    expect(Math.abs(got.squares![row]! - square)).toBeLessThan(1e-4 * square)
    for (let d = 0; d < D; d++)
      expect(got.table![row * D + d]).toBeCloseTo(table[row * D + d]! - (0.05 * g[d]!) / Math.sqrt(square), 5)
  }
  const again = await update(device(), arrays, sources.length, C)
  expect(sameBits(again.table!, got.table!) && sameBits(again.squares!, got.squares!)).toBe(true)
})

// The table's gradient has no kernel of its own: chunk-sums makes it, a group a row, of the weights that the gather's mode gives.
describe('grouped lookups are the gradient of the gather by its table', () => {
  for (const [name, mode] of Object.entries(gatherModes))
    it(name, () => {
      const random = randomOf(31 + mode)
      const shape = { R: 23, M: 4, D4: 2, V: 9, partRows: 9, mode, yColumn: 1, yRow: 4 }
      const widened = (a: Float32Array | Uint32Array) => (a instanceof Float32Array ? Float64Array.from(a) : a)
      const given = Object.fromEntries(
        Object.entries(exampleArrays(gather, shape, random)).map(([k, a]) => [k, widened(a)]),
      ) as ReferenceArrays<keyof typeof gather.bindings>
      const dy = Float64Array.from({ length: shape.R * shape.yRow * 4 }, () => random() - 0.5)
      const lists = Array.from({ length: shape.V }, (): [number, number][] => [])
      for (let r = 0; r < shape.R; r++) {
        const length = Math.min(given.lengths[r]!, shape.M)
        for (let m = 0; m < length; m++) {
          lists[given.ids[r * shape.M + m]!]?.push([r, [1, 1 / length][mode]!])
        }
      }
      const entries = lists.flat()
      const starts = [0]
      for (const list of lists) starts.push(starts.at(-1)! + list.length)
      const partials = new Float64Array(shape.V * shape.D4 * 4)
      chunkSums.reference(
        { C: shape.V, D4: shape.D4, gColumn: shape.yColumn, gRow: shape.yRow, P: entries.length, R: shape.R },
        {
          starts: Uint32Array.from(starts),
          sources: Uint32Array.from(entries, ([r]) => r),
          weights: Float64Array.from(entries, ([, weight]) => weight),
          gradient: dy,
          partials,
        },
      )
      const loss = (table0: Float64Array) => {
        const y = given.y.slice() as Float64Array
        gather.reference(shape, { ...given, table0, y })
        return y.reduce((sum, value, i) => sum + value * dy[i]!, 0)
      }
      for (let at = 0; at < partials.length; at++) {
        const moved = (by: number) => loss(Float64Array.from(given.table0, (x, i) => (i === at ? x + by : x)))
        expect((moved(1e-3) - moved(-1e-3)) / 2e-3).toBeCloseTo(partials[at]!, 8)
      }
    })
})
