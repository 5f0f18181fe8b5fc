import type { BagLayout, SideLayout } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BagPooling } from '../inputs/input-batch.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { checkStep, TokenStep } from '../testing/token-step.ts'
import { declareBagTokens } from './bag-tokens.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'bag tests' })
})
afterAll(() => device.destroy())

const layoutOf = (bags: readonly BagLayout[]): SideLayout => ({ dense: [], bags, sequence: null })

function stepOf(layout: SideLayout, pooling: BagPooling, width: number, rows: number, largestBinding?: number) {
  const set = new ParameterSet()
  const tokens = declareBagTokens(set, 'user', layout.bags, width, pooling)
  const { maxBufferSize, minStorageBufferOffsetAlignment } = device.limits
  const limits = largestBinding && {
    maxBufferSize,
    minStorageBufferOffsetAlignment,
    maxStorageBufferBindingSize: largestBinding,
  }
  return new TokenStep(
    device,
    set,
    { layout, bags: pooling, recent: 0 },
    rows,
    (rec, batch) => {
      const y = rec.tensor('y', rows, layout.bags.length * width)
      return { y, backward: tokens(rec, batch, y) }
    },
    limits || undefined,
  )
}

const layout = layoutOf([
  { name: 'tags', buckets: 7, maxValues: 3 },
  { name: 'country', buckets: 5, maxValues: 1 },
  { name: 'topics', buckets: 23, maxValues: 7 },
])

describe.each(['mean', 'sum', 'attention'] as const)('%s of a bag, against float64', (pooling) => {
  const check = async (bags: SideLayout, width: number, planned: number, rows: number) => {
    const random = seededRandom(planned)
    const step = stepOf(bags, pooling, width, planned)
    const batch = randomBatch(bags, rows, random)
    await checkStep(step, {
      first: randomBatch(bags, planned, random),
      batch,
      random,
      reference: (values, r) =>
        reading
          .rowAt(bags, batch, r)
          .bags.flatMap(({ name, ids }) => reading.bagToken(values, `user.${name}`, pooling, ids)),
    })
    step.dispose()
  }

  it('bags of several sizes, with rows left over', () => check(layout, 12, 13, 9))

  it('rows looked up so often that their sums are cut', () =>
    check(layoutOf([{ name: 'tags', buckets: 3, maxValues: 29 }]), 4, 37, 37))
})

it('has a query for bags of more than one value', () => {
  const set = new ParameterSet()
  declareBagTokens(set, 'user', layout.bags, 8, 'attention')
  expect(set.parameters.map(({ name }) => name)).toEqual(['user.tags.query', 'user.topics.query'])
})

it.each(['mean', 'attention'] as const)('%s from a table in parts gives the same bits', async (pooling) => {
  const bags = layoutOf([{ name: 'items', buckets: 61, maxValues: 5 }])
  const rows = 11
  const results: unknown[] = []
  // 16 rows of 8 floats a part
  for (const largestBinding of [undefined, 512]) {
    const random = seededRandom(5)
    const step = stepOf(bags, pooling, 8, rows, largestBinding)
    expect(step.weights.table(step.weights.set.tables[0]).parts).toHaveLength(largestBinding ? 4 : 1)
    step.randomize(random)
    const batch = randomBatch(bags, rows, random)
    const dy = Float32Array.from({ length: rows * 8 }, () => random.nextNormal())
    const { y, gradients } = await step.run(batch, dy)
    results.push([y, [...gradients]])
    step.dispose()
  }
  expect(results[1]).toEqual(results[0])
})
