import { describe, expect, test } from 'vitest'
import { seededRandom } from '../random/random.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { studentTwoSided } from './distributions.ts'
import {
  cupedTest,
  cupedWeight,
  detectableStandardErrors,
  minimumDetectableEffect,
  usersNeeded,
  welchTest,
} from './two-sample-test.ts'

const normals = (seed: number, count: number) => {
  const random = seededRandom(seed)
  return Float64Array.from({ length: count }, () => random.nextNormal())
}

describe('welchTest', () => {
  test("is R's t.test(extra ~ group) of Student's sleep data", () => {
    // Published: t = −1.8608, df = 17.776, p-value = .07939.
    const one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    const two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    const { difference, standardError, pValue } = welchTest(one, two)
    expect(difference).toBeCloseTo(-1.58, 12)
    expect(difference / standardError).toBeCloseTo(-1.8608, 4)
    expect(pValue).toBeCloseTo(0.07939, 5)
  })

  test('refuses one user, and groups that do not vary', () => {
    expect(() => welchTest([1], [1, 2])).toThrow('treated has 1 users')
    expect(() => welchTest([1, 1], [2, 2])).toThrow(StatisticsError)
    expect(() => welchTest([1, Number.NaN], [2, 2])).toThrow('treated[1] is NaN')
  })
})

describe('CUPED', () => {
  test('takes the share ρ² of the variance away, and not the effect', () => {
    const users = 40_000
    const [shared, own, other] = [1, 2, 3].map((seed) => normals(seed, 2 * users))
    const correlation = 0.8
    const before = shared.map((x, i) => x * Math.sqrt(correlation) + own[i] * Math.sqrt(1 - correlation))
    const outcome = shared.map((x, i) => x * Math.sqrt(correlation) + other[i] * Math.sqrt(1 - correlation))
    const effect = 0.05
    const treated = { outcome: outcome.slice(0, users).map((y) => y + effect), before: before.slice(0, users) }
    const control = { outcome: outcome.slice(users), before: before.slice(users) }
    expect(cupedWeight([treated, control])).toBeCloseTo(correlation, 1)
    const plain = welchTest(treated.outcome, control.outcome)
    const adjusted = cupedTest(treated, control)
    expect((adjusted.standardError / plain.standardError) ** 2).toBeCloseTo(1 - correlation ** 2, 1)
    expect(Math.abs(adjusted.difference - effect)).toBeLessThan(4 * adjusted.standardError)
  })

  test('is the slope of a regression on covariate and group, whose estimate of the effect it gives', () => {
    // Fitted by hand: within groups, Sxy = 4 and Sxx = 4, so that θ = 1 and the difference is (5 − 4) − (3 − 2) = 0.
    const treated = { outcome: [4, 5, 6], before: [3, 4, 5] }
    const control = { outcome: [2, 3, 4], before: [1, 2, 3] }
    expect(cupedWeight([treated, control])).toBeCloseTo(1, 14)
    const noisy = { outcome: [4.1, 5, 5.9], before: [3, 4, 5] }
    expect(cupedTest(noisy, control).difference).toBeCloseTo(2 - 0.95 * 2, 12)
  })

  test('changes nothing where nothing was known before', () => {
    const a = { outcome: [1, 2, 4], before: [0, 0, 0] }
    const b = { outcome: [2, 5, 9], before: [0, 0, 0] }
    expect(cupedTest(a, b)).toEqual(welchTest(a.outcome, b.outcome))
  })
})

describe('minimum detectable effect', () => {
  test('is 2.80 standard errors at level .05 and power .8, 3.24 at power .9', () => {
    expect(detectableStandardErrors()).toBeCloseTo(2.8016, 4)
    expect(detectableStandardErrors({ power: 0.9 })).toBeCloseTo(3.2415, 4)
    // The textbook's 16 σ² / δ² users a group (Lehr 1992), 15.7 to be exact.
    expect(usersNeeded(1, 0.1)).toBe(Math.ceil(2 * 1569.8))
    expect(minimumDetectableEffect(1, usersNeeded(1, 0.1))).toBeCloseTo(0.1, 4)
  })

  test('is detected in four of five tests', () => {
    const random = seededRandom(4)
    const users = 400
    const effect = minimumDetectableEffect(1, users)
    const tests = 1500
    let detected = 0
    for (let i = 0; i < tests; i++) {
      const treated = Float64Array.from({ length: users / 2 }, () => random.nextNormal() + effect)
      const control = Float64Array.from({ length: users / 2 }, () => random.nextNormal())
      if (welchTest(treated, control).pValue < 0.05) detected++
    }
    // Four standard errors of a share of 1,500.
    expect(Math.abs(detected / tests - 0.8)).toBeLessThan(0.042)
  })

  test('refuses what no test has', () => {
    expect(() => minimumDetectableEffect(1, 3)).toThrow(StatisticsError)
    expect(() => usersNeeded(1, 0)).toThrow(StatisticsError)
    expect(studentTwoSided(0, 5)).toBeCloseTo(1, 12)
  })
})
