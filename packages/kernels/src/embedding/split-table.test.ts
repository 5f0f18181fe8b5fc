import { type GpuDevice, Program, prepareDispatch } from '@headwater/gpu'
import { expect, it } from 'vitest'
import { randomOf, useDevice } from '../testing/test-device.ts'
import { gather, gatherModes } from './gather.ts'
import { rowAdagrad } from './row-adagrad.ts'
import { splitTable, TableSizeError, tablePartBindings } from './split-table.ts'

const device = useDevice('split tables')

const upload = (gpu: GpuDevice, label: string, data: Float32Array | Uint32Array) => {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const buffer = gpu.buffer(label, data.byteLength, usage)
  gpu.gpuDevice.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>)
  return buffer
}

it('cuts a table where bindings may begin, into as few parts as hold it', () => {
  const limits = { maxBufferSize: 4096, maxStorageBufferBindingSize: 1000, minStorageBufferOffsetAlignment: 256 }
  // rows of 48 bytes: 20 fit into a binding, 16 and a multiple of 256 bytes
  expect(splitTable('t', 20, 3, limits)).toEqual({
    partRows: 20,
    parts: [{ buffer: 0, offsetBytes: 0, sizeBytes: 960, firstRow: 0, rows: 20 }],
    bufferBytes: [960],
  })
  const { partRows, parts, bufferBytes } = splitTable('t', 37, 3, limits)
  expect(partRows).toBe(16)
  const placed = (of: typeof parts) => of.map((p) => [p.buffer, p.offsetBytes, p.sizeBytes, p.firstRow, p.rows])
  expect(placed(parts)).toEqual([
    [0, 0, 768, 0, 16],
    [0, 768, 768, 16, 16],
    [0, 1536, 240, 32, 5],
  ])
  expect(bufferBytes).toEqual([1776])
  expect(tablePartBindings(parts)).toEqual({ table0: parts[0], table1: parts[1], table2: parts[2], table3: parts[2] })

  // buffers of at most two parts
  const small = splitTable('t', 60, 3, { ...limits, maxBufferSize: 2000 })
  expect(placed(small.parts)).toEqual([
    [0, 0, 768, 0, 16],
    [0, 768, 768, 16, 16],
    [1, 0, 768, 32, 16],
    [1, 768, 576, 48, 12],
  ])
  expect(small.bufferBytes).toEqual([1536, 1344])
})

it('refuses a table of more than four parts, or of a row that no binding holds, with name and numbers', () => {
  const limits = { maxBufferSize: 4096, maxStorageBufferBindingSize: 1000, minStorageBufferOffsetAlignment: 256 }
  expect(() => splitTable('t', 65, 3, limits)).toThrow(TableSizeError)
  expect(() => splitTable('item.shop', 65, 3, limits)).toThrow(
    /Table item\.shop: 65 rows of 48 bytes are 3120 bytes, more than 4 bindings of at most 1000 bytes/,
  )
  expect(() => splitTable('t', 4, 64, limits)).toThrow(TableSizeError)
})

it('looks up and updates a table of over 128 MiB', async () => {
  const gpu = device()
  const D4 = 32
  const D = D4 * 4
  const rowBytes = D * 4
  const V = (160 * 2 ** 20) / rowBytes
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const table = gpu.buffer('a large table', V * rowBytes, usage)
  const { partRows, parts } = splitTable('large', V, D4, {
    maxBufferSize: table.size,
    maxStorageBufferBindingSize: 128 * 2 ** 20,
    minStorageBufferOffsetAlignment: gpu.limits.minStorageBufferOffsetAlignment,
  })
  expect(parts).toHaveLength(2)
  const rangeOf = ({ offsetBytes, sizeBytes }: (typeof parts)[0]) => ({
    buffer: table,
    offset: offsetBytes,
    size: sizeBytes,
  })
  const bindings = tablePartBindings(parts.map(rangeOf))

  // Rows on both sides of the cut, and two ids that the table does not have.
  const random = randomOf(3)
  const known = [0, 1, partRows - 1, partRows, partRows + 1, V - 1]
  const values = new Map(known.map((row) => [row, Float32Array.from({ length: D }, () => random() - 0.5)]))
  for (const [row, data] of values)
    gpu.gpuDevice.queue.writeBuffer(table, row * rowBytes, data as Float32Array<ArrayBuffer>)
  const bags = [[0, V - 1, partRows], [partRows - 1, V, partRows + 1], [1, 0xffffffff, 1], []]
  const M = 3
  const R = bags.length
  const ids = Uint32Array.from(bags.flatMap((bag) => [...bag, 0, 0, 0].slice(0, M)))
  const factors = Float32Array.from({ length: R * M }, () => random())
  const dy = Float32Array.from({ length: R * D }, () => random() - 0.5)
  const host = {
    ids: upload(gpu, 'ids', ids),
    lengths: upload(
      gpu,
      'lengths',
      Uint32Array.from(bags, (b) => b.length),
    ),
  }
  const gradient = upload(gpu, 'dy', dy)
  const y = upload(gpu, 'y', new Float32Array(R * D).fill(9))
  const shape = { R, M, D4, V, partRows, mode: gatherModes.sum, yColumn: 0, yRow: D4 }

  // One lookup of each known row, by its bag and weight.
  const lookups = known.map((row) => {
    const at = ids.findIndex((id, i) => id === row && i % M < bags[Math.floor(i / M)]!.length)
    return { row, source: Math.floor(at / M), weight: factors[at]! }
  })
  const squares = upload(gpu, 'squares', new Float32Array(V))
  const grouped = {
    // Row V belongs to no part.
    groups: upload(
      gpu,
      'groups',
      Uint32Array.from([...lookups.flatMap(({ row }, j) => [row, 1, j, j + 1]), V, 1, 0, 1]),
    ),
    sources: upload(
      gpu,
      'sources',
      Uint32Array.from(lookups, ({ source }) => source),
    ),
    weights: upload(
      gpu,
      'factors',
      Float32Array.from(lookups, ({ weight }) => weight),
    ),
    rates: upload(gpu, 'rates', Float32Array.of(0, 0.1, 0, 0, 0, 1, 0, 0)),
  }
  const program = new Program(
    gpu,
    [
      prepareDispatch(gpu, gather, shape, { ...bindings, ...host, y }),
      ...parts.map((part) =>
        prepareDispatch(
          gpu,
          rowAdagrad,
          {
            J: lookups.length + 1,
            groupOffset: 0,
            firstRow: part.firstRow,
            partRows: part.rows,
            D4,
            gColumn: 0,
            gRow: D4,
            l2: 0,
            longest: 64,
            V,
            P: lookups.length,
            R,
            C: 0,
          },
          { ...grouped, gradient, partials: gradient, squares, table: rangeOf(part) },
        ),
      ),
    ],
    'split table',
  )
  program.submit()
  const read = async (buffer: GPUBuffer, size?: number, offset?: number) =>
    new Float32Array(await gpu.read(buffer, size, offset))
  const gotY = await read(y, R * D * 4)
  const tableValue = (id: number, d: number) => values.get(id)?.[d] ?? 0
  for (const [r, bag] of bags.entries()) {
    for (let d = 0; d < D; d++)
      expect(gotY[r * D + d]).toBeCloseTo(
        bag.reduce((sum, id) => sum + tableValue(id, d), 0),
        5,
      )
  }
  for (const { row, source, weight } of lookups) {
    const g = Array.from({ length: D }, (_, d) => weight * dy[source * D + d]!)
    const square = g.reduce((sum, x) => sum + x * x, 0) / D
    const got = await read(table, rowBytes, row * rowBytes)
    for (let d = 0; d < D; d++)
      expect(got[d]).toBeCloseTo(tableValue(row, d) - (0.1 * g[d]!) / (Math.sqrt(square) + 1e-8), 5)
    expect((await read(squares, 4, row * 4))[0]).toBeCloseTo(square, 6)
  }
  // The neighbours of what was updated are as they were.
  for (const row of [2, partRows - 2, partRows + 2, V - 2])
    expect((await read(table, rowBytes, row * rowBytes)).every((x) => x === 0)).toBe(true)
  program.dispose()
  for (const buffer of [table, y, gradient, squares, ...Object.values(host), ...Object.values(grouped)])
    gpu.release(buffer)
})
