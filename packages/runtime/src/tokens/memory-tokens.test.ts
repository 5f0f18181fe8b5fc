import type { SideLayout } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { checkStep, TokenStep } from '../testing/token-step.ts'
import { memory } from './memory-tokens.ts'
import type { TokenConfig } from './token-kinds.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'memory tests' })
})
afterAll(() => device.destroy())

type Sequence = NonNullable<SideLayout['sequence']>

it.each<[string, Sequence, TokenConfig<'memory'>, number]>([
  [
    'two heads, a flag of missing outcomes, and room behind the coefficients',
    { length: 7, buckets: 9, channels: 5, weights: 2, categories: [] },
    { kind: 'memory', decays: [0.01, 0.2], width: 8 },
    4,
  ],
  [
    'one head of a channel, categories that are not looked up',
    { length: 5, buckets: 6, channels: 1, weights: 0, categories: [{ name: 'kind', buckets: 3 }] },
    { kind: 'memory', decays: [0.5], width: 4 },
    0,
  ],
])('%s, against float64', async (_, sequence, config, room) => {
  const random = seededRandom(config.width)
  const [planned, rows, d] = [11, 8, 8]
  const layout: SideLayout = { dense: [], bags: [], sequence }
  const set = new ParameterSet()
  const tokens = memory.declare(set, config, layout, d)
  const made = config.decays.length * d
  const kept = memory.kept!(config) + room
  const needs = { layout, bags: 'mean' as const, recent: 0, ...memory.needs!(config, layout) }
  const step = new TokenStep(device, set, needs, planned, (rec, batch) => {
    const y = rec.tensor('y', planned, made + kept)
    const ofTokens = (tensor: typeof y) => ({ ...tensor, cols: made })
    const ofKept = (tensor: typeof y) => ({ ...tensor, cols: kept, offset: tensor.offset + made })
    const backward = tokens(rec, batch, ofTokens(y), ofKept(y))
    return { y, backward: (dy) => backward(ofTokens(dy), ofKept(dy)) }
  })
  const batch = randomBatch(layout, rows, random)
  await checkStep(step, {
    first: randomBatch(layout, planned, random),
    batch,
    random,
    reference: (values, r) => {
      const row = reading.rowAt(layout, batch, r)
      const coefficients = reading.memoryOf(values, config, row).flat()
      return [
        ...reading.memoryTokens(values, config, d, row).flat(),
        ...coefficients,
        ...new Array<number>(room).fill(0),
      ]
    },
  })
  step.dispose()
})

it('shares the table of items where it is asked to', () => {
  const sequence = { length: 3, buckets: 9, channels: 3, weights: 0, categories: [] }
  const set = new ParameterSet()
  memory.declare(set, { decays: [0.1], width: 4, shared: true }, { dense: [], bags: [], sequence }, 4)
  expect(set.table('item.item', 9, 4, { uniform: 0.05 })).toBe(set.tables[0])
  expect(() => set.table('item.item', 9, 8, { uniform: 0.05 })).toThrow(/9 × 4 for one part of the model and 9 × 8/)
})
