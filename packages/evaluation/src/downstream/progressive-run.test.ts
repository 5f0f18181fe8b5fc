import { compileFeatures } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { describe, expect, test } from 'vitest'
import { minuteMs, smallEvents, smallSchema } from '../testing/small-log.ts'
import { downstreamFamily, stepRows } from './family.ts'
import { ProgressiveRun } from './progressive-run.ts'
import { type DownstreamModel, type DownstreamRows, usualFlags } from './rows.ts'
import type { RowSpan } from './tried-model.ts'

const dayMs = 86_400_000
const space = compileFeatures(smallSchema)
const events = smallEvents(40, 2)
const [spec] = downstreamFamily(space, null)

/** A model that predicts what it was given, whatever the rows. */
class Oracle implements DownstreamModel {
  readonly #logits: Float32Array

  constructor(logits: Float32Array) {
    this.#logits = logits
  }

  async step() {}

  async predict() {}

  async train() {}

  hold() {}

  async predictHeld() {}

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
    model: () => new Oracle(logits),
  })
  const item = space.allocate('item', events.length)
  const vectors = events.map(() => null)
  await run.add({ events, item, groupEnds: events.map((_, i) => i + 1) }, vectors)
  const { best, judgedLosses } = await run.finish()
  return { loss: judgedLosses.get('') ?? null, kept: best }
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
    step: async () => expect.fail('labels are not known yet'),
    predict: (view) => {
      predicted.push(view.rows)
      return note('predict')(view)
    },
    train: note('train'),
    hold: () => expect.fail('it predicts by what it has learnt'),
    predictHeld: async () => expect.fail('it predicts by what it has learnt'),
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
    model: () => model,
  })
  const ends = log.flatMap(({ timeMs }, i) => (log[i + 1]?.timeMs === timeMs ? [] : [i + 1]))
  const block = { events: log, item: late.allocate('item', log.length), groupEnds: ends }
  await run.add(
    block,
    log.map(() => null),
  )
  expect((await run.finish()).best.length).toBe(log.length)
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

/** Predicts labels with a skill that each step of training adds to. */
class Learner implements DownstreamModel {
  readonly steps: number[] = []
  isDisposed = false
  #skill: number
  readonly #gain: number
  #held = Number.NaN
  #logits: number[] = []

  constructor(skill: number, gain: number) {
    this.#skill = skill
    this.#gain = gain
  }

  async step(rows: DownstreamRows) {
    await this.predict(rows)
    await this.train(rows)
  }

  async predict({ rows, labels }: DownstreamRows, skill = this.#skill) {
    for (const label of labels.subarray(0, rows)) this.#logits.push(label === 1 ? skill : -skill)
  }

  async train({ rows }: DownstreamRows) {
    expect(this.isDisposed).toBe(false)
    this.steps.push(rows)
    this.#skill += this.#gain
  }

  hold() {
    this.#held = this.#skill
  }

  predictHeld = (rows: DownstreamRows) => this.predict(rows, this.#held)

  async logits() {
    return Float32Array.from(this.#logits.splice(0))
  }

  dispose() {
    this.isDisposed = true
  }
}

describe('of several settings', () => {
  const log = smallEvents(10 * stepRows, 2).map((event) => ({ ...event, timeMs: event.row * minuteMs }))
  const [keptFrom, judgedFrom] = [5 * stepRows + 10, 3 * stepRows]
  const labelOf = (row: number) => space.rankedLabel(log[row])

  async function contest(
    learners: Readonly<Record<string, Learner>>,
    block = 100,
    from = judgedFrom,
    halvedBy?: RowSpan,
  ) {
    const run = new ProgressiveRun({
      device: undefined as unknown as GpuDevice,
      space,
      spec,
      dim: 0,
      flags: [],
      seed: 1,
      judgedFrom: from,
      keptFrom,
      tries: Object.keys(learners).map((name) => ({ name })),
      model: ({ name }) => learners[name],
      ...(halvedBy && { halvedBy }),
    })
    for (let at = 0; at < log.length; at += block) {
      const events = log.slice(at, at + block)
      await run.add(
        { events, item: space.allocate('item', events.length), groupEnds: events.map((_, i) => i + 1) },
        events.map(() => null),
      )
    }
    const predictions = await run.finish()
    run.dispose()
    return predictions
  }

  test('the best of the judged rows go on beside the usual ones, as they are and as they were', async () => {
    const learners = { usual: new Learner(1, 0), early: new Learner(2, -0.3), late: new Learner(0.5, 0.4) }
    const { best, usual, split, chosen, judgedLosses } = await contest(learners)
    expect(chosen).toBe(2)
    const kept = log.length - keptFrom
    const signs = Array.from({ length: kept }, (_, i) => (labelOf(keptFrom + i) === 1 ? 1 : -1))
    expect([...usual]).toEqual(signs)
    // A step ends where the kept rows begin: six have taught what predicts the first of these.
    for (const [i, sign] of signs.entries()) {
      expect(split[i]).toBeCloseTo(sign * (0.5 + 6 * 0.4), 5)
      expect(best[i]).toBeCloseTo(sign * (0.5 + (6 + Math.floor(i / stepRows)) * 0.4), 5)
    }
    const judged = (skills: readonly number[]) =>
      skills.reduce((sum, skill, s) => sum + (s < 2 ? stepRows : 10) * Math.log1p(Math.exp(-skill)), 0) /
      (2 * stepRows + 10)
    expect(judgedLosses.get('usual')).toBeCloseTo(judged([1, 1, 1]), 5)
    expect(judgedLosses.get('early')).toBeCloseTo(judged([1.1, 0.8, 0.5]), 5)
    expect(judgedLosses.get('late')).toBeCloseTo(judged([1.7, 2.1, 2.5]), 5)
    expect(learners.early.steps).toHaveLength(6)
    expect(learners.late.steps).toEqual(learners.usual.steps)
    expect(Object.values(learners).every(({ isDisposed }) => isDisposed)).toBe(true)
  })

  test('the worse half is given up by the rows that tell, whatever would have become of it', async () => {
    const learners = {
      usual: new Learner(0.5, 0),
      worse: new Learner(0.6, 0.9),
      other: new Learner(0.7, 0.9),
      // The best as yet, and no longer where settings are chosen.
      good: new Learner(2, -0.1),
      better: new Learner(1.8, 0.1),
    }
    const span = { fromRow: stepRows, toRow: 2 * stepRows }
    const { chosen, judgedLosses } = await contest(learners, stepRows, judgedFrom, span)
    expect(learners.worse.steps).toHaveLength(2)
    expect(learners.better.steps).toHaveLength(6)
    expect(learners.other.steps).toHaveLength(learners.usual.steps.length)
    expect([...judgedLosses.keys()]).toEqual(['usual', 'other', 'good', 'better'])
    expect(chosen).toBe(2)
  })

  test('the usual ones count where others are as good, and where no row is judged', async () => {
    for (const from of [judgedFrom, keptFrom]) {
      const learners = {
        usual: new Learner(1, 0),
        same: new Learner(1, 0),
        other: new Learner(from === keptFrom ? 2 : 0.5, 0),
      }
      const { best, usual, split, chosen } = await contest(learners, 1000, from)
      expect(chosen).toBe(0)
      expect(best).toEqual(usual)
      expect(split).toEqual(usual)
      expect(learners.same.steps).toHaveLength(6)
    }
  })
})
