import type { SideLayout } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { checkStep, TokenStep } from '../testing/token-step.ts'
import { declareItemInputs } from './item-inputs.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'item input tests' })
})
afterAll(() => device.destroy())

const names = (count: number) => Array.from({ length: count }, (_, i) => `dense ${i}`)
const bags = [
  { name: 'item', buckets: 11, maxValues: 1 },
  { name: 'topics', buckets: 6, maxValues: 4 },
]

function stepOf(layout: SideLayout, width: number, rows: number, l2 = 0) {
  const set = new ParameterSet()
  const inputs = declareItemInputs(set, 'item', layout, width)
  const step = new TokenStep(device, set, inputs.needs, rows, (rec, batch) => {
    const { x, backward } = inputs.forward(rec, batch)
    return { y: x, backward: (dx) => backward(dx, l2) }
  })
  return { step, inputs }
}

it.each<[string, SideLayout, number]>([
  ['dense values and bags', { dense: names(3), bags, sequence: null }, 8],
  ['bags alone', { dense: [], bags, sequence: null }, 4],
  ['dense values alone', { dense: names(8), bags: [], sequence: null }, 4],
])('%s, against float64', async (_, layout, width) => {
  const random = seededRandom(width)
  const { step } = stepOf(layout, width, 9)
  const batch = randomBatch(layout, 5, random)
  await checkStep(step, {
    first: randomBatch(layout, 9, random),
    batch,
    random,
    reference: (values, r) => reading.itemInputs(values, reading.rowAt(layout, batch, r)),
  })
  step.dispose()
})

it('pulls what is looked up to zero with each lookup', async () => {
  const layout: SideLayout = { dense: [], bags: [{ name: 'topics', buckets: 5, maxValues: 3 }], sequence: null }
  const { step } = stepOf(layout, 4, 2, 0.25)
  const values = step.randomize(seededRandom(1)).get('item.topics')!.data
  const batch = {
    rows: 2,
    dense: new Float32Array(),
    bags: [{ ids: Uint32Array.of(3, 1, 0, 3, 3, 0), lengths: Uint32Array.of(2, 3) }],
    sequence: null,
  }
  const { gradients } = await step.run(batch, new Float32Array(8))
  // Lookups of ids 0, 1, …: in the second row 3, 3 and 0
  const want = [1, 1, 0, 3, 0].flatMap((lookups, id) =>
    [...values.subarray(id * 4, id * 4 + 4)].map((w) => 0.25 * lookups * w),
  )
  for (const [i, value] of gradients.get('item.topics')!.entries()) expect(value).toBeCloseTo(want[i], 5)
  step.dispose()
})

it('refuses a side without features', () => {
  const nothing = { dense: [], bags: [], sequence: null }
  expect(() => declareItemInputs(new ParameterSet(), 'item', nothing, 8)).toThrow(/item side has no features/)
})
