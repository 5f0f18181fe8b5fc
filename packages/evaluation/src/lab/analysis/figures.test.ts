/** Figures of outcomes made by hand, whose values are known. */
import { openSyntheticLog, syntheticEvents, syntheticWorld } from '@headwater/datasets'
import { StatisticsError } from '@headwater/statistics'
import { beforeAll, expect, test } from 'vitest'
import { readSmallLab } from '../../testing/small-lab.ts'
import type { ArmOutcome } from '../arms/arm.ts'
import type { LabLog } from '../log/lab-log.ts'
import { adjusted, compare, gapShares, scoreArm } from './figures.ts'
import { Outcomes } from './outcomes.ts'

const setting = { ...syntheticWorld().setting, users: 100, days: 8, impressionsPerDay: 900 }
const world = syntheticWorld({ seed: 4, setting })
let lab: LabLog
let truth: Float32Array
let rate: number

beforeAll(async () => {
  lab = await readSmallLab(openSyntheticLog({ seed: 4, setting }), world)
  const impressions = [...syntheticEvents(world)].filter(({ event }) => event.row >= lab.test.fromRow)
  truth = Float32Array.from(impressions, ({ clickProbability }) => clickProbability)
  rate = truth.reduce((sum, p) => sum + p, 0) / truth.length
})

const logit = (p: number) => Math.log(p / (1 - p))
const outcome = (columns: Record<string, Float32Array>): ArmOutcome => ({ columns, figures: {} })
const head = (of: (p: number) => number) => outcome({ head: truth.map((p) => logit(of(p))) })

function outcomesOf(optimum: Float32Array): Outcomes {
  const nobody = truth.map(() => rate)
  const arms = new Map<string, ArmOutcome[]>([
    ['optimum', [outcome({ truth, nobody, synchronous: optimum })]],
    ['blind', [head(() => rate), head(() => rate)]],
    ['knowing', [head((p) => p), head((p) => p)]],
    ['either', [head(() => rate), head((p) => p)]],
  ])
  return new Outcomes(lab, [1, 2], arms)
}

test('the share of the gap is 0 of who knows nothing, 1 of who knows all, and a half of both by turns', () => {
  const arms = ['blind', 'knowing', 'either'].map((arm) => ({ arm, model: 'head' as const }))
  const [blind, knowing, either] = gapShares(outcomesOf(truth), arms)
  expect(blind.share.value).toBeCloseTo(0, 5)
  expect(knowing.share.value).toBeCloseTo(1, 5)
  expect(either.share.value).toBeCloseTo(0.5, 5)
  expect(either.bySeed.map((share) => Math.round(share))).toEqual([0, 1])
  // Of two seeds so far apart nothing is known: the t of one degree of freedom spans more than the gap.
  expect(either.share.low).toBeLessThan(0)
  expect(either.share.high).toBeGreaterThan(1)
})

test('a share is there of predictions however sure, and any other failure is one', () => {
  const sure = { ...outcome({ head: truth.map((p, i) => (i === 0 ? 60 : logit(p))) }) }
  const all = (arm: ArmOutcome) =>
    new Outcomes(
      lab,
      [1],
      new Map([
        ['optimum', [outcome({ truth, nobody: truth.map(() => rate), synchronous: truth })]],
        ['sure', [arm]],
      ]),
    )
  const [share] = gapShares(all(sure), [{ arm: 'sure', model: 'head' }])
  expect(Number.isFinite(share.share.value)).toBe(true)
  const broken = outcome({ head: truth.map((p, i) => (i === 0 ? Number.NaN : logit(p))) })
  expect(() => gapShares(all(broken), [{ arm: 'sure', model: 'head' }])).toThrow(StatisticsError)
})

test('where the optimum knows nothing there is no gap, and no figure of it', () => {
  expect(gapShares(outcomesOf(truth.map(() => rate)), [{ arm: 'knowing', model: 'head' }])).toEqual([])
})

test('a gain is told with both of its chances, and none of an arm over itself', () => {
  const outcomes = outcomesOf(truth)
  const self = compare(outcomes, 'head', 'knowing', 'knowing')!
  expect(self).toMatchObject({ gain: { value: 0, low: 0, high: 0 }, pValue: 1, seedSd: 0 })
  const sure = compare(outcomes, 'head', 'knowing', 'blind')!
  const unsure = compare(outcomes, 'head', 'either', 'blind')!
  expect(sure.gain.low).toBeGreaterThan(0)
  expect(sure.seedSd).toBeCloseTo(0, 10)
  // One seed gains nothing and one all: the spread between seeds is in the interval.
  expect(unsure.gain.value).toBeCloseTo(sure.gain.value / 2, 10)
  expect(unsure.seedSd).toBeCloseTo(sure.gain.value / Math.SQRT2, 10)
  expect(unsure.gain.low).toBeLessThan(0)
  const both = adjusted(outcomes, [sure, unsure])
  expect(both[1].adjustedPValue).toBeCloseTo(unsure.pValue, 10)
  expect(both[0].adjustedPValue).toBeCloseTo(2 * sure.pValue, 10)
})

test('an arm is scored as its predictions are', () => {
  const blind = scoreArm(outcomesOf(truth), 'blind', 'head')
  expect(blind.auc).toBeCloseTo(0.5, 10)
  expect(blind.rows).toBe(truth.length)
  expect(blind.ne.value).toBeGreaterThan(0.99)
  expect(blind.neSeedSd).toBe(0)
  expect(scoreArm(outcomesOf(truth), 'knowing', 'head').ne.value).toBeLessThan(0.95)
})
