import { describe, expect, test } from 'vitest'
import { seededRandom } from '../random/random.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { calibration, expectedCalibrationError, reliabilityBins } from './calibration.ts'

describe('calibration', () => {
  test('Σp / Σy', () => {
    expect(calibration([0.5, 0.25, 0.75], [1, 0, 0])).toBe(1.5)
  })

  test('no positive row is a typed error', () => {
    expect(() => calibration([0.5], [0])).toThrow(StatisticsError)
    expect(() => calibration([], [])).toThrow(StatisticsError)
    expect(() => calibration([0.5], [])).toThrow(StatisticsError)
  })
})

describe('reliability bins and expected calibration error', () => {
  test('by hand: two bins of two rows, off by .15 and .1', () => {
    const probabilities = [0.9, 0.1, 0.2, 0.9]
    const labels = [1, 0, 0, 1]
    expect(reliabilityBins(probabilities, labels, 2)).toEqual([
      { rows: 2, meanPrediction: expect.closeTo(0.15, 12), rate: 0 },
      { rows: 2, meanPrediction: expect.closeTo(0.9, 12), rate: 1 },
    ])
    expect(expectedCalibrationError(probabilities, labels, 2)).toBeCloseTo((0.15 + 0.1) / 2, 12)
  })

  test('equal predictions stay in one bin, so a constant has one bin and the error |p − rate|', () => {
    const labels = [1, 0, 0, 0]
    expect(reliabilityBins([0.5, 0.5, 0.5, 0.5], labels, 10)).toEqual([{ rows: 4, meanPrediction: 0.5, rate: 0.25 }])
    expect(expectedCalibrationError([0.5, 0.5, 0.5, 0.5], labels)).toBe(0.25)
  })

  test('bins cover all rows in order, for awkward sizes', () => {
    const random = seededRandom(31)
    for (const rows of [1, 2, 9, 10, 11, 97]) {
      const probabilities = Float64Array.from({ length: rows }, () => random.nextBelow(20) / 20)
      const labels = Uint8Array.from(probabilities, () => random.nextBelow(2))
      const bins = reliabilityBins(probabilities, labels, 10)
      expect(bins.reduce((sum, bin) => sum + bin.rows, 0)).toBe(rows)
      for (let i = 1; i < bins.length; i++) {
        expect(bins[i].meanPrediction).toBeGreaterThan(bins[i - 1].meanPrediction)
      }
    }
  })

  test('near 0 for labels drawn from the predictions, and the bias when predictions are shifted', () => {
    const random = seededRandom(32)
    const truth = Float64Array.from({ length: 50_000 }, () => 0.1 + 0.6 * random.nextFloat())
    const labels = Uint8Array.from(truth, (p) => (random.nextFloat() < p ? 1 : 0))
    expect(expectedCalibrationError(truth, labels)).toBeLessThan(0.012)
    const shifted = truth.map((p) => p + 0.2)
    expect(Math.abs(expectedCalibrationError(shifted, labels) - 0.2)).toBeLessThan(0.01)
  })

  test('bins that are not a positive integer are a typed error', () => {
    expect(() => reliabilityBins([0.5], [1], 0)).toThrow(StatisticsError)
    expect(() => reliabilityBins([], [], 10)).toThrow(StatisticsError)
  })
})
