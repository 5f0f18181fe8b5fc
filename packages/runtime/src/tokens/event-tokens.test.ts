import type { SideLayout } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { InputBatch } from '../inputs/input-batch.ts'
import { withWeights } from '../parameters/model-recorder.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import { Recorder } from '../plan/recorder.ts'
import * as reading from '../reading-version.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { checkStep, TokenStep } from '../testing/token-step.ts'
import { events } from './event-tokens.ts'
import { tokenNames } from './token-kind.ts'
import type { TokenConfig } from './token-kinds.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'sequence tests' })
})
afterAll(() => device.destroy())

type Sequence = NonNullable<SideLayout['sequence']>

const layoutOf = (sequence: Sequence): SideLayout => ({ dense: [], bags: [], sequence })
const countOf = (config: TokenConfig<'events'>, sequence: Sequence) =>
  tokenNames(events.sources(config, layoutOf(sequence))).length

function stepOf(
  sequence: Sequence,
  config: TokenConfig<'events'>,
  width: number,
  rows: number,
  largestBinding?: number,
) {
  const set = new ParameterSet()
  const layout = layoutOf(sequence)
  const tokens = events.declare(set, config, layout, width)
  const { maxBufferSize, minStorageBufferOffsetAlignment } = device.limits
  return new TokenStep(
    device,
    set,
    { layout, bags: 'mean', recent: 0, ...events.needs!(config, layout) },
    rows,
    (rec, batch) => {
      const y = rec.tensor('y', rows, countOf(config, sequence) * width)
      return { y, backward: tokens(rec, batch, y) }
    },
    largestBinding === undefined
      ? undefined
      : { maxBufferSize, minStorageBufferOffsetAlignment, maxStorageBufferBindingSize: largestBinding },
  )
}

const none = { kind: 'events' } as const
const plain = { ...none, pooled: 1 }
const block = { count: 1, heads: 1, hidden: 4 }
const kinds = [
  { name: 'kind', buckets: 4 },
  { name: 'shop', buckets: 9 },
]
const cases: [name: string, width: number, sequence: Sequence, config: TokenConfig<'events'>][] = [
  ['one sum, fused', 8, { length: 5, buckets: 9, channels: 2, weights: 0, categories: [] }, plain],
  ['no channels, fused', 4, { length: 3, buckets: 7, channels: 0, weights: 0, categories: [] }, plain],
  [
    'several sums, recent events and categories',
    12,
    { length: 7, buckets: 11, channels: 3, weights: 0, categories: kinds },
    { ...plain, pooled: 3, recent: 2 },
  ],
  [
    'a block of two heads',
    8,
    { length: 5, buckets: 9, channels: 1, weights: 0, categories: [] },
    { ...plain, blocks: { count: 1, heads: 2, hidden: 6 } },
  ],
  [
    'two blocks, a category and more recent tokens than events',
    8,
    { length: 3, buckets: 8, channels: 2, weights: 0, categories: kinds.slice(0, 1) },
    { ...none, blocks: { count: 2, heads: 1, hidden: 12 }, pooled: 2, recent: 5 },
  ],
  [
    'recent events alone',
    4,
    { length: 6, buckets: 8, channels: 0, weights: 0, categories: [] },
    { ...none, blocks: block, recent: 2 },
  ],
  [
    'sums alone, whatever the blocks',
    8,
    { length: 6, buckets: 9, channels: 5, weights: 2, categories: kinds.slice(0, 1) },
    { ...none, blocks: block, sums: true },
  ],
  [
    'sums beside all else',
    12,
    { length: 5, buckets: 8, channels: 9, weights: 6, categories: kinds },
    { ...none, blocks: { count: 1, heads: 3, hidden: 6 }, pooled: 2, recent: 2, sums: true },
  ],
  [
    'a block of pointwise attention, two heads',
    8,
    { length: 9, buckets: 9, channels: 2, weights: 0, categories: [] },
    { ...plain, blocks: { count: 1, heads: 2, hidden: 6, pointwise: { places: 3, times: 9 } } },
  ],
  [
    'pointwise attention alone',
    8,
    { length: 7, buckets: 9, channels: 3, weights: 0, categories: [] },
    { ...none, pointwise: { queries: 3, places: 3, times: 32 } },
  ],
  [
    'pointwise attention beside all else',
    8,
    { length: 4, buckets: 6, channels: 4, weights: 2, categories: kinds.slice(0, 1) },
    { ...none, pooled: 1, recent: 1, sums: true, pointwise: { queries: 2, places: 12, times: 1 } },
  ],
  [
    'sums beside one that would be fused',
    4,
    { length: 7, buckets: 8, channels: 3, weights: 3, categories: [] },
    { ...plain, sums: true },
  ],
]

it.each(cases)('%s, against float64', async (_, width, sequence, config) => {
  const random = seededRandom(width)
  const [planned, rows] = [11, 8]
  const layout = layoutOf(sequence)
  const step = stepOf(sequence, config, width, planned)
  const batch = randomBatch(layout, rows, random)
  await checkStep(step, {
    first: randomBatch(layout, planned, random),
    batch,
    random,
    reference: (values, r) => reading.eventTokens(values, config, width, reading.rowAt(layout, batch, r)).flat(),
  })
  step.dispose()
})

/** y and gradients of one and the same batch and weights. @param given of y's `tokens`, those that have a gradient */
async function outcome(step: TokenStep, sequence: Sequence, rows: number, tokens: number, given = tokens) {
  const random = seededRandom(7)
  step.randomize(random)
  const batch = randomBatch(layoutOf(sequence), rows, random)
  const width = step.weights.set.tables[0].width
  const dy = new Float32Array(rows * tokens * width)
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < given * width; i++) dy[r * tokens * width + i] = random.nextNormal()
  const { y, gradients } = await step.run(batch, dy)
  step.dispose()
  return [['y', y] as const, ...gradients]
}

// A token of the last event beside it, without a gradient, and the one sum is no longer fused.
it('gives the same fused and step by step', async () => {
  const sequence = { length: 9, buckets: 30, channels: 3, weights: 0, categories: [] }
  const fused = await outcome(stepOf(sequence, plain, 16, 13), sequence, 13, 1)
  const general = await outcome(stepOf(sequence, { ...plain, recent: 1 }, 16, 13), sequence, 13, 2, 1)
  general[0] = ['y', general[0][1].filter((_, i) => i % 32 < 16)]
  expect(fused.map(([name]) => name)).toEqual(general.map(([name]) => name))
  for (const [i, [name, values]] of fused.entries()) {
    const largest = Math.max(1, ...values.map(Math.abs))
    for (const [at, value] of values.entries())
      expect(Math.abs(value - general[i][1][at]), `${name}, element ${at}`).toBeLessThan(1e-5 * largest)
  }
})

it.each<[string, TokenConfig<'events'>]>([
  ['fused', plain],
  ['with a block', { ...plain, blocks: { ...block, heads: 2 }, recent: 1 }],
])('gives the same bits from tables in parts, %s', async (_, config) => {
  const sequence = { length: 5, buckets: 101, channels: 2, weights: 0, categories: [] }
  const tokens = countOf(config, sequence)
  const whole = await outcome(stepOf(sequence, config, 8, 9), sequence, 9, tokens)
  // 32 rows of 8 floats a part
  const parts = stepOf(sequence, config, 8, 9, 1024)
  expect(parts.weights.table(parts.weights.set.tables[0]).parts).toHaveLength(4)
  expect(await outcome(parts, sequence, 9, tokens)).toEqual(whole)
})

it('rows of an earlier batch change no bit', async () => {
  const sequence = { length: 4, buckets: 12, channels: 2, weights: 0, categories: kinds }
  const config = { ...none, blocks: { count: 1, heads: 2, hidden: 8 }, pooled: 2, recent: 2 }
  const results: unknown[] = []
  for (const hasEarlier of [false, true]) {
    const step = stepOf(sequence, config, 8, 9)
    const random = seededRandom(3)
    const earlier = randomBatch(layoutOf(sequence), 9, random)
    step.randomize(random)
    if (hasEarlier) await step.run(earlier, new Float32Array(9 * 4 * 8).fill(1))
    step.clearSquares()
    results.push(await outcome(step, sequence, 5, 4))
  }
  // + 0 makes one zero of both
  const comparable = results.map((result) => (result as [string, number[]][]).map(([n, v]) => [n, v.map((x) => x + 0)]))
  expect(comparable[1]).toEqual(comparable[0])
})

it.each<[string, TokenConfig<'events'>]>([
  ['sums', { ...none, sums: true }],
  ['pointwise attention', { ...none, pointwise: { queries: 8, places: 12, times: 32 } }],
])('512 full rows of 1,024 events of width 64 need no binding over 128 MiB: %s', (_, config) => {
  const sequence = { length: 1024, buckets: 100_000, channels: 7, weights: 4, categories: kinds }
  const layout = layoutOf(sequence)
  const set = new ParameterSet()
  const tokens = events.declare(set, config, layout, 64)
  const batch = new InputBatch(null, { layout, bags: 'mean', recent: 0, ...events.needs!(config, layout) }, 512, true)
  const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27, minStorageBufferOffsetAlignment: 256 }
  const rec = new Recorder(null)
  const y = rec.tensor('y', 512, countOf(config, sequence) * 64)
  const backward = tokens(withWeights(rec, new Weights(null, set, true, limits)), batch, y)
  backward(rec.tensor('dy', y.rows, y.cols))
  const { largestBytes } = rec.measure()
  // Of sums the largest is the gradient of all rows that are looked up.
  expect(largestBytes).toBeLessThanOrEqual(config.sums ? 2 ** 25 : 2 ** 27)
  expect(batch.largestBytes).toBeLessThanOrEqual(2 ** 27)
  batch.dispose()
})
