import { describe, expect, test } from 'vitest'
import { LogError, referenceSetting, syntheticEvents, syntheticInterests, syntheticWorld } from '../../index.ts'

const dayMs = 86_400_000
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('true interests', () => {
  const world = syntheticWorld({ seed: 2, setting: referenceSetting })
  const { topics, users, days, driftSd, driftCorrelation, shock } = referenceSetting
  const [shockDay] = world.shocks.map(({ day }) => day)

  /** θ − μ of all users in one topic. */
  const offsets = (day: number, topic: number) => {
    const interests = syntheticInterests(world, day)
    return world.users.map(({ interest }, u) => interests[u * topics + topic] - interest[topic])
  }

  test('drift as an autoregression, stationary from the first day, with the given correlation and variance', () => {
    for (const [day, lag] of [
      [0, 1],
      [1, 3],
    ]) {
      const [before, after] = [day, day + lag].map((at) => [0, 1, 2, 3].flatMap((topic) => offsets(at, topic)))
      const variance = driftSd ** 2
      // Five standard errors over 8,000 pairs.
      expect(Math.abs(mean(before.map((d) => d * d)) - variance)).toBeLessThan(5 * variance * Math.sqrt(2 / 8000))
      const covariance = mean(before.map((d, i) => d * after[i]))
      expect(Math.abs(covariance - variance * driftCorrelation ** lag)).toBeLessThan(5 * variance * Math.sqrt(2 / 8000))
    }
  })

  test('rise for all in one topic from the day of a shock on', () => {
    const { topic, amount } = world.shocks[0]
    expect(amount).toBe(shock)
    const noise = 5 * driftSd * Math.sqrt(1 / users)
    expect(Math.abs(mean(offsets(shockDay - 1, topic)))).toBeLessThan(noise)
    expect(Math.abs(mean(offsets(shockDay, topic)) - shock)).toBeLessThan(noise)
  })

  test('are what clicks and propensities were drawn with', () => {
    const setting = { ...referenceSetting, users: 30, ads: 12, impressionsPerDay: 300 }
    const small = syntheticWorld({ seed: 3, setting })
    const firstMs = Date.UTC(2024, 0, 1)
    for (const day of [7, 0, 19]) {
      const interests = syntheticInterests(small, day)
      const range = { from: firstMs + day * dayMs, to: firstMs + (day + 1) * dayMs }
      const impressions = [...syntheticEvents(small, range)]
      expect(impressions).toHaveLength(300)
      for (const { user, ad, surface, propensity, clickProbability } of impressions) {
        const match = (weights: (topic: number) => number) => {
          let sum = 0
          for (let k = 0; k < topics; k++) sum += interests[user * topics + k] * weights(k)
          return sum
        }
        const live = small.ads.filter(({ firstDay }) => firstDay <= day)
        const shown = live.map(({ topics }) => Math.exp(setting.targetingWeight * match((k) => topics[k])))
        const { quality, topics: shares } = small.ads[ad]
        const chosen = shown[live.indexOf(small.ads[ad])]
        expect(propensity).toBeCloseTo(chosen / shown.reduce((sum, weight) => sum + weight, 0), 10)
        const { base, gains } = small.surfaces[surface]
        const logit = base + quality + setting.affinityWeight * match((k) => gains[k] * shares[k])
        expect(clickProbability).toBeCloseTo(1 / (1 + Math.exp(-logit)), 10)
      }
    }
  })

  test('exist on the days of the world only', () => {
    for (const day of [-1, days, 0.5]) expect(() => syntheticInterests(world, day)).toThrow(LogError)
  })
})
