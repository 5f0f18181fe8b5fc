import { describe, expect, test } from 'vitest'
import { interpolatedPercentiles, nearestRankPercentiles } from './percentiles.ts'
import { StatisticsError } from './statistics-error.ts'
import { mean, meanAndSd } from './summary.ts'

describe('percentiles', () => {
  test('nearest rank: the textbook example 15 20 35 40 50', () => {
    expect(nearestRankPercentiles([50, 15, 40, 20, 35], [5, 30, 40, 50, 100])).toEqual([15, 20, 20, 35, 50])
  })

  test('nearest rank is the smallest value with enough values at or below it', () => {
    const values = Float64Array.from({ length: 1000 }, (_, i) => ((i * 7919) % 1000) + 1)
    expect(nearestRankPercentiles(values, [0, 0.1, 50, 99, 99.9, 100])).toEqual([1, 1, 500, 990, 999, 1000])
    for (const length of [1, 2, 3, 10, 97]) {
      const ranks = Float64Array.from({ length }, (_, i) => i + 1)
      for (let percent = 1; percent <= 100; percent++) {
        const [rank] = nearestRankPercentiles(ranks, [percent])
        expect(rank * 100).toBeGreaterThanOrEqual(percent * length)
        expect((rank - 1) * 100).toBeLessThan(percent * length)
      }
    }
  })

  test('interpolated: type 7, as R’s quantile(c(1, 2, 4, 8))', () => {
    expect(interpolatedPercentiles([8, 1, 4, 2], [0, 25, 50, 75, 100])).toEqual([1, 1.75, 3, 5, 8])
    expect(interpolatedPercentiles([5], [97.5])).toEqual([5])
  })

  test('input stays as it was; empty, NaN and percents out of range are typed errors', () => {
    const values = [3, 1, 2]
    nearestRankPercentiles(values, [50])
    expect(values).toEqual([3, 1, 2])
    expect(() => nearestRankPercentiles([], [50])).toThrow(StatisticsError)
    expect(() => interpolatedPercentiles([1, Number.NaN], [50])).toThrow(/values\[1\]/)
    expect(() => interpolatedPercentiles([1], [101])).toThrow(StatisticsError)
  })
})

describe('mean and sd', () => {
  test('2 4 4 4 5 5 7 9 has mean 5 and sample sd √(32/7)', () => {
    expect(meanAndSd([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, sd: Math.sqrt(32 / 7) })
  })

  test('one value has no sd; none, or a NaN, is a typed error', () => {
    expect(meanAndSd([3])).toEqual({ mean: 3, sd: null })
    expect(() => meanAndSd([])).toThrow(StatisticsError)
    expect(() => mean([1, Number.NaN])).toThrow(/values\[1\]/)
  })
})
