import { seededRandom } from '@headwater/statistics'
import { describe, expect, test } from 'vitest'
import { detectableEffects, outcomeSpread, usersForEffect } from './detectable-effects.ts'
import { simulateTests } from './simulated-tests.ts'
import { type PotentialOutcomes, UnfitTestError, type UserDays } from './user-days.ts'

/** Counts of users whose rates differ as an exponential does: skewed, and before and after hang together. */
function skewedOutcomes(seed: number, users: number, lift = 0): PotentialOutcomes {
  const random = seededRandom(seed)
  const count = (rate: number) => {
    const wait = () => -Math.log(1 - random.nextFloat())
    let events = 0
    for (let time = wait(); time < rate; time += wait()) events++
    return events
  }
  const rates = Float64Array.from({ length: users }, () => -8 * Math.log(1 - random.nextFloat()))
  const control = rates.map(count)
  return { control, treated: control.map((clicks) => clicks * (1 + lift)), before: rates.map(count) }
}

const variance = (values: Float64Array) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}

describe('simulated tests', () => {
  const options = { simulations: 1000, seed: 1 }

  test('reject a null of skewed outcomes in 5 % of the cases, within 1.5 points', () => {
    const { plain, cuped } = simulateTests(skewedOutcomes(2, 2000), options)
    for (const { rejected, meanEffect, effectSd } of [plain, cuped]) {
      expect(Math.abs(rejected.share - 0.05)).toBeLessThan(0.015)
      expect(rejected.low).toBeLessThan(0.05)
      expect(rejected.high).toBeGreaterThan(0.05)
      expect(Math.abs(meanEffect)).toBeLessThan((4 * effectSd) / Math.sqrt(1000))
    }
  })

  test('find effects spread as Neyman said: S²/n + S²/n − S²(effects)/N, and by √(1 − ρ²) of it after CUPED', () => {
    const outcomes = skewedOutcomes(3, 1000, 0.1)
    const { plain, cuped } = simulateTests(outcomes, options)
    const { control, treated, before } = outcomes
    const effects = treated.map((value, i) => value - control[i])
    const neyman = Math.sqrt((variance(control) + variance(treated)) / 500 - variance(effects) / 1000)
    // A standard deviation of 1,000 draws has a standard error of 2.2 %.
    expect(Math.abs(plain.effectSd / neyman - 1)).toBeLessThan(0.09)
    const sum = control.map((value, i) => value + before[i])
    const covariance = (variance(sum) - variance(control) - variance(before)) / 2
    const unexplained = 1 - covariance ** 2 / (variance(control) * variance(before))
    expect(unexplained).toBeLessThan(0.3)
    expect(Math.abs(cuped.effectSd / (neyman * Math.sqrt(unexplained)) - 1)).toBeLessThan(0.12)
    const expected = effects.reduce((total, effect) => total + effect, 0) / 1000
    expect(Math.abs(plain.meanEffect - expected)).toBeLessThan((4 * plain.effectSd) / Math.sqrt(1000))
    expect(Math.abs(cuped.meanEffect - expected)).toBeLessThan((4 * cuped.effectSd) / Math.sqrt(1000))
  })

  test('have a power of .8 at the detectable lift, with the users that the lift needs', () => {
    const plain = skewedOutcomes(4, 3000)
    const { mean, sd, cupedSd } = outcomeSpread(plain)
    for (const kind of ['plain', 'cuped'] as const) {
      const lift = (2.8016 * (kind === 'plain' ? sd : cupedSd) * 2) / Math.sqrt(1000) / mean
      const outcomes = { ...plain, treated: plain.control.map((clicks) => clicks + lift * mean) }
      const needed = usersForEffect(outcomes)!
      expect(Math.abs(needed[kind] - 1000)).toBeLessThanOrEqual(1)
      const found = simulateTests(outcomes, { ...options, users: needed[kind] })[kind]
      // 1,000 of 3,000 users: four standard errors of a share of 1,000.
      expect(Math.abs(found.rejected.share - 0.8)).toBeLessThan(0.051)
    }
    expect(usersForEffect(plain)).toBeNull()
  })

  test('are the same for the same seed, and others for another', () => {
    const outcomes = skewedOutcomes(5, 50)
    const run = (seed: number) => simulateTests(outcomes, { simulations: 20, seed, users: 21 })
    expect(run(1)).toEqual(run(1))
    expect(run(2).plain.meanEffect).not.toBe(run(1).plain.meanEffect)
  })

  test('refuse users that there are not, and no simulation', () => {
    const outcomes = skewedOutcomes(5, 10)
    for (const users of [3, 11, 4.5]) {
      expect(() => simulateTests(outcomes, { ...options, users })).toThrow(UnfitTestError)
    }
    expect(() => simulateTests(outcomes, { simulations: 0, seed: 1 })).toThrow(UnfitTestError)
  })
})

describe('detectableEffects', () => {
  test('fall with √users, and with √days where the days are independent', () => {
    const random = seededRandom(6)
    const [users, days] = [5000, 9]
    const clicks = Float64Array.from({ length: users * days }, () => (random.nextFloat() < 0.3 ? 1 : 0))
    const userDays: UserDays = { users, days, clicks, impressions: new Float64Array(users * days).fill(1) }
    const found = detectableEffects(userDays, { fromDay: 4, daysBefore: 4, users: [400, 1600], days: [1, 4] })
    expect(found.map(({ users, days }) => [users, days])).toEqual([
      [400, 1],
      [1600, 1],
      [400, 4],
      [1600, 4],
    ])
    // By hand: sd √(.3 · .7), mean .3, 2 / √400.
    const lift = (2.8016 * Math.sqrt(0.21) * 2) / 20 / 0.3
    for (const [i, expected] of [lift, lift / 2, lift / 2, lift / 4].entries()) {
      expect(Math.abs(found[i].lift / expected - 1)).toBeLessThan(0.05)
      // Independent days tell nothing of one another.
      expect(Math.abs(found[i].cupedLift / found[i].lift - 1)).toBeLessThan(0.01)
    }
  })
})
