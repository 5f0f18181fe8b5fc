/** Decisions by the rules that were written before, on predictions that are as good as is planted. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { ModelName } from '../downstream/family.ts'
import { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Arm, ArmOutcome } from '../lab/arms/arm.ts'
import { type DownstreamArmPlan, setupColumn, splitSetup, usualSetup } from '../lab/arms/downstream-arm.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { readSmallLab } from '../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { experimentsNamed } from './experiments.ts'
import { isSound } from './power.ts'
import { isWorthServing } from './serving.ts'
import { isWorthSharing } from './sharing/sharing.ts'

/**
 * The logit of each row's own label, by arm and setup, or by arm: more is better, and has a log loss of ln(1 + e^−skill).
 * Undefined: 1.
 */
type Skill = (arm: string) => number | undefined
/** Planted numbers, by arm and column or figure. */
type Numbers = Readonly<Record<string, number>>

let lab: LabLog

beforeAll(async () => {
  lab = await readSmallLab(memoryLog(smallSchema, smallEvents(1500, 7)))
})

/** Predictions by a model: of each row's own label, as good as is planted. */
function predictionsOf(arm: string, setup: string, model: string, skill: Skill): Float32Array {
  const { labels } = model === 'head' ? lab.test.models.ranking : lab.test.models[model as ModelName]
  const own = (setup === '' ? undefined : skill(`${arm}#${setup}`)) ?? skill(arm) ?? 1
  return Float32Array.from(labels, (label) => (label === 1 ? own : -own))
}

/** The columns that an arm has; of one that is not of downstream models any that is asked for, 0 where none is planted. */
function columnsOf({ name: arm, settings }: Arm, skill: Skill, numbers: Numbers): ArmOutcome['columns'] {
  const { kind, setups, models } = settings as Partial<DownstreamArmPlan> & { kind: string }
  if (kind === 'downstream')
    return Object.fromEntries(
      setups!
        .flatMap(({ name, tries }) => (tries ? [name, usualSetup, splitSetup] : [name]))
        .flatMap((setup) =>
          models!.map((model) => [setupColumn(setup, model), predictionsOf(arm, setup, model, skill)]),
        ),
    )
  return new Proxy(
    {},
    {
      get: (_, column: string) => {
        const [setup, model] = column.split(' ')
        // By tenth or by percentile, where it is no model's.
        if (kind === 'traffic')
          return model === 'ranking' ? predictionsOf(arm, setup, model, skill) : new Float32Array(20).fill(1)
        return column === 'head' || column in lab.test.models
          ? predictionsOf(arm, '', column, skill)
          : Float32Array.of(numbers[`${arm} ${column}`] ?? 0)
      },
    },
  )
}

/** Any figure, 1 where none is planted. */
const figuresOf = (arm: string, numbers: Numbers): ArmOutcome['figures'] =>
  new Proxy({}, { get: (_, figure: string) => numbers[`${arm} ${figure}`] ?? 1 })

function decide(name: string, skill: Skill, numbers: Numbers = {}, seeds: readonly number[] = [1]) {
  const [experiment] = experimentsNamed([name])
  const byName = new Map<string, ArmOutcome[]>()
  for (const seed of seeds)
    for (const arm of experiment.arms(lab, seed)) {
      const planted = seeds.length === 1 ? arm.name : `${arm.name} of ${seed}`
      const outcome = { columns: columnsOf(arm, skill, numbers), figures: figuresOf(planted, numbers) }
      byName.set(arm.name, [...(byName.get(arm.name) ?? []), outcome])
    }
  return experiment.conclude(new Outcomes(lab, seeds, byName))
}

/** Whether the rule holds. @param changes on what holds, by arm or setup */
const holds = (
  name: string,
  skills: Readonly<Record<string, number>>,
  changes: Readonly<Record<string, number>> = {},
) => decide(name, (arm) => changes[arm] ?? skills[arm]).holds

const loss = (skill: number) => Math.log1p(Math.exp(-skill))

describe('gain', () => {
  const below = { without: 0.5, untrained: 0.8, 'unseen-untrained': 0.8, features: 0.9, linear: 0.9 }
  const skills = { ...below, flags: 2, random: 2 }

  test('is by each baseline and the untrained tower, whatever other controls give', () => {
    expect(holds('gain', skills)).toBe(true)
    expect(holds('gain', skills, { without: 1 })).toBe(false)
    expect(holds('gain', skills, { without: 1.2 })).toBe(false)
    for (const other of ['untrained', 'features', 'linear']) expect(holds('gain', skills, { [other]: 1.2 })).toBe(false)
  })

  test('is told with its sign, by the loss over the other’s', () => {
    const { comparisons } = decide('gain', (arm) => (arm.startsWith('without') ? 0.5 : 1))
    const own = comparisons.find(
      ({ arm, over, slice }) => arm === 'asynchronous' && over === 'without' && slice === 'all',
    )
    expect(own!.gain.value).toBeCloseTo(1 - loss(1) / loss(0.5), 5)
  })

  test("is told of a model with the upstream's own head beside it, by the mean of their logits", () => {
    const planted = { asynchronous: 1, features: 0.5, 'head-asynchronous': 2 }
    const { comparisons, scores } = decide('gain', (arm) => planted[arm as keyof typeof planted])
    const own = (arm: string, over: string) => comparisons.find((c) => c.arm === arm && c.over === over)!.gain.value
    expect(own('asynchronous beside the head', 'features')).toBeCloseTo(1 - loss(1.5) / loss(0.5), 5)
    expect(own('features beside the head', 'features')).toBeCloseTo(1 - loss(1.25) / loss(0.5), 5)
    expect(scores.filter(({ arm }) => arm.endsWith('beside the head'))).toHaveLength(2)
  })

  test('is told with the best settings, with the usual ones, and by a split in time', () => {
    const planted = { 'without judgedLoss rate-300 ranking': 0.5, 'without chosen ranking': 2 }
    const skills = {
      without: 1.2,
      'without#usual': 0.5,
      asynchronous: 1.5,
      'asynchronous#usual': 1,
      'without#split': 0.6,
    }
    const { comparisons, tables } = decide('gain', (arm) => skills[arm as keyof typeof skills], planted)
    const own = (arm: string, over: string) =>
      comparisons.find((c) => c.arm === arm && c.over === over && c.model === 'ranking' && c.slice === 'all')!.gain
        .value
    expect(own('asynchronous', 'without')).toBeCloseTo(1 - loss(1.5) / loss(1.2), 5)
    expect(own('asynchronous#usual', 'without#usual')).toBeCloseTo(1 - loss(1) / loss(0.5), 5)
    expect(own('asynchronous#split', 'without#split')).toBeCloseTo(1 - loss(1.5) / loss(0.6), 5)
    expect(tables[0].rows[0]).toEqual([
      ...['without', 'ranking', '1.0000', '1.0000', '0.5000', '1.0000'],
      ...new Array(6).fill('1.0000'),
      'rate × 3',
    ])
  })
})

test('main-job: by each baseline and the untrained tower, whatever other controls give', () => {
  const skills = {
    'served#with': 1,
    'served#without': 0.5,
    'served#untrained': 0.8,
    'served#features': 0.9,
    'served#linear': 0.9,
    'served#latest': 2,
    'served#random': 2,
  }
  expect(holds('main-job', skills)).toBe(true)
  expect(holds('main-job', skills, { 'served#without': 1.2 })).toBe(false)
  for (const other of ['untrained', 'features', 'linear'])
    expect(holds('main-job', skills, { [`served#${other}`]: 1.2 })).toBe(false)
})

test('the settings of each seed are told', () => {
  const { tables } = decide(
    'gain',
    () => 1,
    { 'without of 1 chosen ranking': 2, 'without of 2 chosen ranking': 0 },
    [1, 2],
  )
  expect(tables[0].rows[0].at(-1)).toBe('rate × 3, usual')
})

test('serving asynchronously must gain over frozen, and lose less than a hundredth to synchronous', () => {
  const skills = { frozen: 0.9, synchronous: 1.01 }
  expect(holds('serving', skills)).toBe(true)
  expect(holds('serving', skills, { frozen: 1 })).toBe(false)
  expect(holds('serving', skills, { frozen: 1.1 })).toBe(false)
  // A skill of 1.013 has 1.1 % less loss than one of 1.
  expect(holds('serving', skills, { synchronous: 1.013 })).toBe(false)
  const gains = (value: number, low: number, high: number) => ({ gain: { value, low, high }, adjustedPValue: 0.01 })
  expect(isWorthServing(gains(0.02, 0.01, 0.03), gains(0.005, 0, 0.0099))).toBe(true)
  expect(isWorthServing(gains(0.02, 0.01, 0.03), gains(0.005, 0, 0.0101))).toBe(false)
  expect(isWorthServing(gains(0.02, 0, 0.03), gains(0.005, 0, 0.0099))).toBe(false)
})

test('delay costs where the head loses with a day of it', () => {
  expect(holds('freshness', { 'head-delay-24h': 0.9 })).toBe(true)
  expect(holds('freshness', { 'head-delay-24h': 1.1 })).toBe(false)
  expect(holds('freshness', { 'delay-24h': 0.9 })).toBe(false)
})

describe('drift', () => {
  const average = (upstream: string, aligned: boolean) => `${upstream}-${aligned ? 'aligned' : 'raw'}#average-3-every-3`
  const skills = { [average('warm', false)]: 0.99, [average('scratch', false)]: 0.9 }
  const cosines = { 'panel-warm-aligned averageCosine': 0.991, 'panel-scratch-aligned averageCosine': 0.981 }
  const decided = (changes: Readonly<Record<string, number>> = {}, numbers: Readonly<Record<string, number>> = {}) =>
    decide('drift', (arm) => changes[arm] ?? skills[arm], { ...cosines, ...numbers }).holds

  test('alignment must gain .2 % in averages of three, both warm and from scratch', () => {
    expect(decided()).toBe(true)
    // .1 % of loss.
    expect(decided({ [average('warm', false)]: 0.9988 })).toBe(false)
    expect(decided({ [average('scratch', false)]: 0.9988 })).toBe(false)
    expect(decided({ [average('warm', true)]: 0.9, [average('scratch', true)]: 0.8 })).toBe(false)
    expect(decided({ 'warm-aligned#latest-every-3': 3, 'warm-raw#average-3-every-7': 3 })).toBe(true)
  })

  test('new snapshots are told to gain where the first alone does worse', () => {
    const { comparisons } = decide('drift', (arm) => (arm === 'first-alone' ? 0.9 : 1))
    const own = comparisons.find(({ arm }) => arm === 'recurring')!
    expect(own).toMatchObject({ over: 'first-alone', model: 'sparse' })
    expect(own.gain.value).toBeCloseTo(1 - loss(1) / loss(0.9), 5)
  })

  test('and keep averages of three in line', () => {
    expect(decided({}, { 'panel-warm-aligned averageCosine': 0.989 })).toBe(false)
    expect(decided({}, { 'panel-scratch-aligned averageCosine': 0.979 })).toBe(false)
    expect(decided({}, { 'panel-warm-raw averageCosine': 0 })).toBe(true)
  })
})

test("item vectors are worth publishing where the snapshot's gain over the model's own", () => {
  const skills = { 'items-given': 1.1, 'items-own': 1.05 }
  expect(holds('item-vectors', skills)).toBe(true)
  expect(holds('item-vectors', skills, { 'items-own': 1.1 })).toBe(false)
  expect(holds('item-vectors', { 'items-given-late': 1.1 })).toBe(false)
})

describe('log-size', () => {
  test('is enough where sequences gain there and at every larger size', () => {
    expect(holds('log-size', { 'sequences-of-1': 1.1 })).toBe(true)
    expect(holds('log-size', { 'sequences-of-4': 1.1, 'sequences-of-1': 1.1 })).toBe(true)
    expect(holds('log-size', { 'sequences-of-4': 1.1 })).toBe(false)
    expect(holds('log-size', { 'counts-of-1': 1.1 })).toBe(false)
  })
})

test('a component earns its place where its absence loses, all of them', () => {
  const [ablation] = experimentsNamed(['ablation'])
  const names = ablation.arms(lab, 1).map(({ name }) => name)
  const without = names.filter((name) => name.startsWith('tower-without-'))
  const skills = Object.fromEntries(without.map((name) => [name, 0.9]))
  expect(without.length).toBeGreaterThan(6)
  expect(holds('ablation', skills)).toBe(true)
  expect(holds('ablation', skills, { [without[0]]: 1 })).toBe(false)
  expect(holds('ablation', skills, { [without.at(-1)!]: 1.1 })).toBe(false)
})

test('the tower must gain over every alternative', () => {
  const [alternatives] = experimentsNamed(['alternatives'])
  const others = alternatives.arms(lab, 1).flatMap(({ name }) => (name.startsWith('tower-') ? [] : [name]))
  const skills = Object.fromEntries(others.map((name) => [name, 0.9]))
  expect(holds('alternatives', skills)).toBe(true)
  for (const other of ['features', 'untrained', 'random'])
    expect(holds('alternatives', skills, { [other]: 1.1 })).toBe(false)
})

test('sharing must keep what towers of their own give, at half of their operations', () => {
  const costs = (trainingFlops: number, servingFlops: number) => ({
    trainingFlops,
    servingFlops,
    storedBytes: 1,
    servedBytes: 1,
  })
  const decided = (low: number, training: number, serving: number) =>
    isWorthSharing({ low }, { shared: costs(training, serving), own: costs(80, 40) })
  expect(decided(-0.0049, 40, 20)).toBe(true)
  expect(decided(-0.005, 40, 20)).toBe(false)
  expect(decided(0.1, 40.1, 20)).toBe(false)
  expect(decided(0.1, 40, 20.1)).toBe(false)
})

test.each([
  [0.05, true],
  [0.035, true],
  [0.0349, false],
  [0.065, true],
  [0.0651, false],
])('a null test that rejects %d of the time is sound: %s', (value, sound) => {
  expect(isSound({ rejected: { share: value, low: 0, high: 1 } })).toBe(sound)
})
