/** Center, scale and edges of dense values: fitted once, on what the first round trains on. */
import { join } from 'node:path'
import { compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import type { ModelConfig } from '@headwater/runtime'
import { readSnapshot } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { defaultTraining } from '../options/training-options.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { RecurringTraining } from './recurring-training.ts'

const schema: Schema = {
  version: 1,
  name: 'dense',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 's' },
  fields: [
    { name: 'age', of: 'user', type: 'float' },
    { name: 'tier', of: 'user', type: 'id', buckets: 8 },
    { name: 'click', of: 'outcome', type: 'float' },
  ],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [],
  itemBuckets: 32,
}
const grown: Schema = { ...schema, fields: [{ name: 'income', of: 'user', type: 'float' }, ...schema.fields] }
const config: ModelConfig = {
  ...tinyModel,
  user: {
    ...tinyModel.user,
    tokens: [
      { kind: 'dense', tokens: 4, standardize: true, encoding: { kind: 'piecewise', bins: 4 } },
      ...tinyModel.user.tokens.filter(({ kind }) => kind !== 'dense'),
    ],
  },
}

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'dense statistics tests' })
})
afterAll(() => device.destroy())

/** One user, of whom a row knows the row before: ages 0, 1, 2, … from row to row, and another one in the last tenth of 1,000. */
const age = (row: number) => (row >= 900 && row < 1000 ? 1e6 : row + 1)

function events(from: number, to: number, of: Schema): LogEvent[] {
  const random = seededRandom(1)
  return Array.from({ length: to }, (_, row) => {
    const own: Record<string, number | string> = { age: age(row), income: 3 * (row + 1), tier: `t${row % 4}` }
    const values = of.fields.map(({ name }) => own[name] ?? random.nextBelow(2))
    return { row, user: 'u', item: `i${row % 9}`, timeMs: 1.7e12 + row * 60_000, values }
  }).slice(from)
}

const training = (of = schema) =>
  new RecurringTraining(device, compileFeatures(of), join(temporaryDirectory(), 'examples'), {
    ...defaultTraining,
    config,
    seed: 1,
    batchRows: 128,
  })

async function constants(one: RecurringTraining) {
  const [center, scale, edges] = await Promise.all(
    ['center', 'scale', 'edges'].map((name) => one.weights.read(`user.dense.${name}`)),
  )
  const column = (name: string) => {
    const f = one.space.user.dense.indexOf(name)
    return { center: center[f], scale: scale[f], edges: [...edges.subarray(f * 5, f * 5 + 5)] }
  }
  return { column, bits: [...center, ...scale, ...edges] }
}

/** Of a uniform run of whole numbers 0 … count − 1, times `factor`. */
function expectUniform(
  { center, scale, edges }: { center: number; scale: number; edges: number[] },
  count: number,
  factor = 1,
) {
  const deviation = factor * Math.sqrt((count * count - 1) / 12)
  expect(center / (factor * (count - 1))).toBeCloseTo(0.5, 6)
  expect(scale * deviation).toBeCloseTo(1, 6)
  for (const [t, edge] of edges.entries())
    expect(edge).toBeCloseTo(((t / 4 - 0.5) * factor * (count - 1)) / deviation, 5)
}

it('are those of the rows that the first round trains on, and stay', async () => {
  const one = training()
  one.feed(events(0, 1000, schema))
  await one.round()
  const first = await constants(one)
  // a tenth is held back, and it has another age
  expectUniform(first.column('age'), 900)
  one.feed(events(1000, 2000, schema))
  await one.round()
  expect((await constants(one)).bits).toEqual(first.bits)
  one.dispose()
})

it('of a tower that goes on from a snapshot stay, and those of new values are fitted', async () => {
  const model = temporaryDirectory()
  const one = training()
  one.feed(events(0, 1000, schema))
  await one.round()
  const { directory } = await one.publish(model)
  const before = await constants(one)
  one.dispose()
  const more = training(grown)
  more.warmStart(await readSnapshot(directory))
  more.feed(events(0, 800, grown))
  const { steps } = await more.round()
  // one pass, as in a round behind the first
  expect(steps).toBe(Math.ceil(720 / 128))
  const after = await constants(more)
  expect(after.column('age')).toEqual(before.column('age'))
  expectUniform(after.column('income'), 720, 3)
  more.dispose()
})

it('can be fitted before the first round, for a tower that is published untrained, and change nothing of it', async () => {
  const [asked, plain] = [training(), training()]
  for (const one of [asked, plain]) one.feed(events(0, 1000, schema))
  await asked.fitDense()
  const { directory } = await asked.publish(temporaryDirectory())
  const untrained = await readSnapshot(directory)
  expect(untrained.manifest.trainedRows).toBe(0)
  expectUniform((await constants(asked)).column('age'), 900)
  for (const one of [asked, plain]) await one.round()
  expect(await asked.matrices()).toEqual(await plain.matrices())
  const learnt = new Map((await asked.matrices()).map((matrix) => [matrix.name, matrix.data]))
  for (const name of ['center', 'scale', 'edges'].map((own) => `user.dense.${own}`))
    expect(untrained.matrices.get(name)!.data).toEqual(learnt.get(name))
  expect(untrained.matrices.get('user.output.weight')?.data).not.toEqual(learnt.get('user.output.weight'))
  for (const one of [asked, plain]) one.dispose()
})
