/** Whole rounds of a log with a task whose labels come late. */
import { join } from 'node:path'
import { compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import type { NamedMatrix } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { defaultTraining } from '../options/training-options.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { RecurringTraining } from './recurring-training.ts'

const minuteMs = 60_000
const delayMinutes = 60
const schema: Schema = {
  version: 1,
  name: 'late',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 's' },
  fields: [
    { name: 'tier', of: 'user', type: 'id', buckets: 8 },
    { name: 'click', of: 'outcome', type: 'float' },
    { name: 'buy', of: 'outcome', type: 'float' },
  ],
  tasks: [
    { name: 'click', field: 'click', atLeast: 1 },
    { name: 'buy', field: 'buy', atLeast: 1, delayDays: delayMinutes / 1440 },
  ],
  aggregations: [{ name: 'user-mean', of: 'user', kind: 'mean', value: 'click', prior: 0.4 }],
  itemBuckets: 32,
}

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'delayed label tests' })
})
afterAll(() => device.destroy())

/** A row a minute; `buy` says what was bought at a row. */
function events(from: number, to: number, buy: (row: number) => number): LogEvent[] {
  const random = seededRandom(1)
  return Array.from({ length: to }, (_, row) => {
    const user = random.nextBelow(40)
    const click = random.nextFloat() < (user % 2 === 0 ? 0.8 : 0.2) ? 1 : 0
    const values = [`t${user % 4}`, click, buy(row)]
    return { row, user: `u${user}`, item: `i${random.nextBelow(20)}`, timeMs: 1.7e12 + row * minuteMs, values }
  }).slice(from)
}

const training = (of = schema) =>
  new RecurringTraining(device, compileFeatures(of), join(temporaryDirectory(), 'examples'), {
    ...defaultTraining,
    config: tinyModel,
    seed: 1,
    batchRows: 64,
    roundRates: { dense: 1e-3, tables: 0.02, weightDecay: 0.01 },
  })

const bought = (row: number) => (row * 7) % 3 === 0
const plain = (row: number) => (bought(row) ? 1 : 0)
/** The same, with the other label at rows `from … to − 1`. */
const flipped = (from: number, to: number) => (row: number) => (bought(row) !== (row >= from && row < to) ? 1 : 0)

/** Weights behind each of two rounds: newest events at minutes 299 and 399, the last 30 and 10 rows held back. */
async function twoRounds(buy: (row: number) => number): Promise<NamedMatrix[][]> {
  const one = training()
  const weights: NamedMatrix[][] = []
  for (const [from, to] of [
    [0, 300],
    [300, 400],
  ]) {
    one.feed(events(from, to, buy))
    await one.round()
    weights.push(await one.matrices())
  }
  one.dispose()
  return weights
}

it('a label is not trained on before it is known, and is as soon as it is', async () => {
  const want = await twoRounds(plain)
  // known at 299: up to row 239; at 399: up to row 339
  const [late, lateAfter] = await twoRounds(flipped(240, 270))
  expect(late).toEqual(want[0])
  expect(lateAfter).not.toEqual(want[1])
  const [early] = await twoRounds(flipped(239, 240))
  expect(early).not.toEqual(want[0])
  expect(await twoRounds(flipped(340, 400))).toEqual(want)
  expect((await twoRounds(flipped(339, 340)))[1]).not.toEqual(want[1])
})

it('late labels come with steps of their own, and as many old rows', async () => {
  const one = training()
  one.feed(events(0, 300, plain))
  expect((await one.round()).steps).toBe(2 * Math.ceil(270 / 64))
  one.feed(events(300, 400, plain))
  // rows 270 … 389 are new, and rows 240 … 269 are late; row 299's label is known by then, and it is new
  expect((await one.round()).steps).toBe(Math.ceil((2 * (120 + 30)) / 64))
  one.dispose()
})

it('predictions are judged on labels that are known', async () => {
  const one = training()
  const model = temporaryDirectory()
  one.feed(events(0, 1000, plain))
  await one.round()
  // rows 900 … 999 are held back, known up to row 939
  const { forward } = (await one.publish(model)).manifest
  expect(forward!.rows).toBe(100)
  expect(forward!.tasks.map(({ task, rows }) => [task, rows])).toEqual([
    ['click', 100],
    ['buy', 40],
  ])
  expect(forward!.tasks[1].positives).toBe([...Array(40).keys()].filter((i) => bought(900 + i)).length)
  one.dispose()
})

it('a round that knows no label makes no step, and the next one has its rows', async () => {
  const [, buy] = schema.tasks
  const one = training({ ...schema, tasks: [buy] })
  one.feed(events(0, 50, plain))
  const before = await one.matrices()
  expect(await one.round()).toEqual({ steps: 0, loss: Number.NaN, skipped: 0, clipped: 0 })
  expect(await one.matrices()).toEqual(before)
  one.feed(events(50, 200, plain))
  // known at 199: rows 0 … 139, all before the 15 that are held back; the round is the first one
  const { steps, loss } = await one.round()
  expect(steps).toBe(2 * Math.ceil(140 / 64))
  expect(loss).toBeGreaterThan(0)
  one.dispose()
})
