import { describe, expect, test } from 'vitest'
import { seededRandom } from '../random/random.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { logLosses, logLossesOfLogits, logLossOfLogit, logLossOfProbability, PROBABILITY_CLAMP } from './log-loss.ts'
import { binaryEntropy, normalizedEntropy, normalizedEntropyOfLosses } from './normalized-entropy.ts'
import { ProgressiveScore } from './progressive-score.ts'

describe('log loss', () => {
  test('a coin flip costs ln 2, .8 costs −ln .8 or −ln .2', () => {
    expect([...logLosses([0.5, 0.8, 0.8], [1, 1, 0])]).toEqual([
      expect.closeTo(Math.LN2, 14),
      expect.closeTo(-Math.log(0.8), 14),
      expect.closeTo(-Math.log(0.2), 14),
    ])
  })

  test('certainty that turns out wrong is clamped, not infinite', () => {
    expect(logLossOfProbability(0, 1)).toBeCloseTo(-Math.log(PROBABILITY_CLAMP), 6)
    expect(logLossOfProbability(1, 0)).toBeCloseTo(-Math.log(PROBABILITY_CLAMP), 6)
  })

  test('from logits: equals the form with probabilities where both hold, stays exact beyond', () => {
    for (let logit = -14; logit <= 14; logit += 0.37) {
      for (const label of [0, 1]) {
        expect(logLossOfLogit(logit, label)).toBeCloseTo(logLossOfProbability(1 / (1 + Math.exp(-logit)), label), 9)
      }
    }
    expect(logLossOfLogit(1000, 0)).toBe(1000)
    expect(logLossOfLogit(-1000, 1)).toBe(1000)
    expect(logLossOfLogit(1000, 1)).toBe(0)
    expect(logLossOfLogit(40, 1) / Math.exp(-40)).toBeCloseTo(1, 12)
  })

  test('bad input is a typed error that names the row', () => {
    expect(() => logLosses([0.5, 1.2], [1, 0])).toThrow(/probabilities\[1\] is 1.2/)
    expect(() => logLosses([Number.NaN], [1])).toThrow(StatisticsError)
    expect(() => logLossesOfLogits([Number.POSITIVE_INFINITY], [1])).toThrow(/logits\[0\]/)
    expect(() => logLosses([0.5], [0.5])).toThrow(/labels\[0\] is 0.5/)
    expect(() => logLosses([], [])).toThrow(/empty/)
    expect(() => logLossesOfLogits([1], [1, 0])).toThrow(StatisticsError)
  })
})

describe('normalized entropy', () => {
  test('always predicting the base rate scores exactly 1, whatever the rate', () => {
    for (const positives of [1, 13, 50, 99]) {
      const labels = Uint8Array.from({ length: 100 }, (_, i) => (i < positives ? 1 : 0))
      const constant = new Float64Array(100).fill(positives / 100)
      expect(normalizedEntropy(constant, labels)).toBeCloseTo(1, 12)
    }
  })

  test('predicting q at base rate r scores cross-entropy(r, q) ÷ entropy(r)', () => {
    const labels = [1, 0, 0, 0]
    const crossEntropy = -0.25 * Math.log(0.4) - 0.75 * Math.log(0.6)
    expect(normalizedEntropy([0.4, 0.4, 0.4, 0.4], labels)).toBeCloseTo(crossEntropy / 0.5623351446188083, 14)
  })

  test('the true probabilities of a mixture score the mean conditional entropy ÷ the marginal one', () => {
    const random = seededRandom(21)
    const rates = [0.05, 0.3, 0.9]
    const rows = 90_000
    const probabilities = Float64Array.from({ length: rows }, (_, i) => rates[i % 3])
    const labels = Uint8Array.from(probabilities, (p) => (random.nextFloat() < p ? 1 : 0))
    const conditional = rates.reduce((sum, rate) => sum + binaryEntropy(rate) / 3, 0)
    const expected = conditional / binaryEntropy(1.25 / 3)
    expect(Math.abs(normalizedEntropy(probabilities, labels) - expected)).toBeLessThan(0.01)
  })

  test('a window of one class, or none, is a typed error', () => {
    expect(() => normalizedEntropy([0.5, 0.5], [1, 1])).toThrow(/both classes/)
    expect(() => normalizedEntropy([0.5, 0.5], [0, 0])).toThrow(StatisticsError)
    expect(() => normalizedEntropyOfLosses([], [])).toThrow(StatisticsError)
    expect(() => normalizedEntropyOfLosses([1], [1, 0])).toThrow(StatisticsError)
  })
})

describe('ProgressiveScore', () => {
  test('one row at a time equals the whole window at once', () => {
    const random = seededRandom(22)
    const probabilities = Float64Array.from({ length: 501 }, () => random.nextFloat())
    const labels = Uint8Array.from(probabilities, (p) => (random.nextFloat() < p ? 1 : 0))
    const score = new ProgressiveScore()
    probabilities.forEach((p, row) => {
      score.add(p, labels[row])
    })
    expect(score.rows).toBe(501)
    expect(score.normalizedEntropy).toBeCloseTo(normalizedEntropy(probabilities, labels), 12)
    const positives = labels.reduce((sum, y) => sum + y, 0)
    expect(score.baseRate).toBe(positives / 501)
    expect(score.calibration).toBeCloseTo(probabilities.reduce((sum, p) => sum + p, 0) / positives, 12)
  })

  test('nothing added, one class, and bad values are typed errors', () => {
    const score = new ProgressiveScore()
    expect(() => score.meanLogLoss).toThrow(StatisticsError)
    score.add(0.3, 0)
    expect(() => score.normalizedEntropy).toThrow(StatisticsError)
    expect(() => score.calibration).toThrow(StatisticsError)
    expect(() => score.add(Number.NaN, 0)).toThrow(/probabilities\[1\]/)
    expect(() => score.add(0.5, 3)).toThrow(StatisticsError)
    expect(score.rows).toBe(1)
  })
})
