import { expect, test } from 'vitest'
import { nextRate, type RampPlan, type RampStep } from './ramp.ts'

/** Steps of a service that holds up to a rate. */
function climb(plan: RampPlan, limit: number): RampStep[] {
  const steps: RampStep[] = []
  for (let rate = nextRate(plan, steps); rate !== null; rate = nextRate(plan, steps))
    steps.push({ perSecond: rate, hasBroken: rate > limit })
  return steps
}

test.each([100, 333, 1_000, 1_399])('brackets a limit of %i within a ninth of itself, by few steps', (limit) => {
  const steps = climb({ maxRate: 2_000, firstRate: 31 }, limit)
  const held = steps.filter(({ hasBroken }) => !hasBroken).map(({ perSecond }) => perSecond)
  const broken = steps.filter(({ hasBroken }) => hasBroken).map(({ perSecond }) => perSecond)
  expect(Math.max(...held)).toBeLessThanOrEqual(limit)
  expect(Math.min(...broken)).toBeGreaterThan(limit)
  // √2 halved twice is its fourth root, 1.09; rates are rounded.
  expect(Math.min(...broken) / Math.max(...held)).toBeLessThan(1.11)
  expect(steps.length).toBeLessThan(16)
})

test('never goes beyond the highest rate, and ends there', () => {
  const steps = climb({ maxRate: 700, firstRate: 11 }, Number.POSITIVE_INFINITY)
  expect(steps.at(-1)!.perSecond).toBe(700)
  expect(Math.max(...steps.map(({ perSecond }) => perSecond))).toBe(700)
})

test('ends where nothing holds', () => {
  expect(climb({ maxRate: 64, firstRate: 1 }, 0)).toEqual([{ perSecond: 1, hasBroken: true }])
})
