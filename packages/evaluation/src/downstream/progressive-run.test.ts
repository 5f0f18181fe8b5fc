import { compileFeatures } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { expect, test } from 'vitest'
import { minuteMs, smallEvents, smallSchema } from '../testing/small-log.ts'
import { downstreamFamily, stepRows } from './family.ts'
import { ProgressiveRun } from './progressive-run.ts'
import { type DownstreamModel, type DownstreamRows, usualFlags } from './rows.ts'

const dayMs = 86_400_000
const space = compileFeatures(smallSchema)
const events = smallEvents(40, 2)
const [spec] = downstreamFamily(space, null)

/** A model that predicts what it was given, whatever the rows. */
class Oracle implements DownstreamModel {
  readonly stepsHeld = 64
  readonly #logits: Float32Array

  constructor(logits: Float32Array) {
    this.#logits = logits
  }

  async step() {}

  async predict() {}

  async train() {}

  hold() {}

  async logits() {
    return this.#logits
  }

  dispose() {}
}

/** Of the rows before the last ten. */
async function judgedLoss(
  logits: Float32Array,
): Promise<{ readonly loss: number | null; readonly kept: Float32Array }> {
  const run = new ProgressiveRun({
    device: undefined as unknown as GpuDevice,
    space,
    spec,
    dim: 4,
    flags: usualFlags,
    seed: 1,
    judgedFrom: 0,
    keptFrom: 30,
    model: new Oracle(logits),
  })
  const item = space.allocate('item', events.length)
  const vectors = events.map(() => null)
  await run.add({ events, item, groupEnds: events.map((_, i) => i + 1) }, vectors)
  const kept = await run.finish()
  return { loss: run.judgedLoss, kept }
}

const labels = events.map((event) => {
  const [values, weights] = [new Uint8Array(space.tasks.length), new Float32Array(space.tasks.length)]
  space.labels(event, values, weights)
  return values[spec.task]
})
const logLoss = (logit: number, label: number) => Math.log1p(Math.exp(label === 1 ? -logit : logit))
const logits = Float32Array.from(events, (_, i) => Math.sin(i))

test('settings are judged by the log loss before the kept rows, and those are given out', async () => {
  const { loss, kept } = await judgedLoss(logits)
  const judged = labels.slice(0, 30)
  expect(loss).toBeCloseTo(judged.reduce((sum, label, i) => sum + logLoss(logits[i], label), 0) / 30, 6)
  expect(kept).toEqual(logits.slice(30))
})

test('a prediction that is no number is worse than any that is wrong', async () => {
  const wrongFor = (label: number) => (label === 1 ? -30 : 30)
  const withThird = (logit: number) => logits.map((own, i) => (i === 3 ? logit : own))
  const { loss: wrong } = await judgedLoss(withThird(wrongFor(labels[3])))
  const { loss: none } = await judgedLoss(withThird(Number.NaN))
  expect(Number.isFinite(none)).toBe(true)
  expect(none!).toBeGreaterThanOrEqual(wrong!)
  expect(wrong!).toBeGreaterThan((await judgedLoss(logits)).loss!)
})

test('trains on rows once all their labels are known, and on none before a row is predicted that came earlier', async () => {
  const delayMs = 10 * minuteMs
  // Nothing may be counted of what is known late.
  const aggregations = smallSchema.aggregations.filter((of) => !('value' in of))
  const tasks = [{ ...smallSchema.tasks[0], delayDays: delayMs / dayMs }]
  const { sequence: _, ...schema } = smallSchema
  const late = compileFeatures({ ...schema, aggregations, tasks })
  const [ranking] = downstreamFamily(late, null)
  const log = smallEvents(4 * stepRows, 2)
  const does: { readonly what: 'predict' | 'train'; readonly rows: number }[] = []
  const note = (what: 'predict' | 'train') => async (view: DownstreamRows) => {
    does.push({ what, rows: view.rows })
  }
  const predicted: number[] = []
  const model: DownstreamModel = {
    stepsHeld: 64,
    step: async () => expect.fail('labels are not known yet'),
    predict: (view) => {
      predicted.push(view.rows)
      return note('predict')(view)
    },
    train: note('train'),
    hold: () => expect.fail('it predicts by what it has learnt'),
    logits: async () => new Float32Array(predicted.splice(0).reduce((sum, rows) => sum + rows, 0)),
    dispose() {},
  }
  const run = new ProgressiveRun({
    device: undefined as unknown as GpuDevice,
    space: late,
    spec: ranking,
    dim: 4,
    flags: usualFlags,
    seed: 1,
    keptFrom: 0,
    model,
  })
  const ends = log.flatMap(({ timeMs }, i) => (log[i + 1]?.timeMs === timeMs ? [] : [i + 1]))
  const block = { events: log, item: late.allocate('item', log.length), groupEnds: ends }
  await run.add(
    block,
    log.map(() => null),
  )
  expect((await run.finish()).length).toBe(log.length)
  let [firstAhead, trained] = [0, 0]
  for (const { what, rows } of does) {
    if (what === 'train') {
      trained += rows
      // The rows that are predicted next know of the labels.
      expect(log[trained - 1].timeMs + delayMs).toBeLessThan(log[firstAhead].timeMs)
    } else firstAhead += rows
  }
  expect(firstAhead).toBe(log.length)
  expect(trained).toBeGreaterThan(stepRows)
})
