import { expect, test } from 'vitest'
import { seededRandom } from '../random/random.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { studentTwoSided } from '../significance/distributions.ts'
import { seedSummary } from './seed-summary.ts'

test('by hand, on the same rows: the spread is the seeds’ own, the sampling error stays', () => {
  const found = seedSummary([1, 2, 3], [0.5, 0.5, 0.5], { sameRows: true })
  expect(found).toMatchObject({ mean: 2, seedSd: 1, samplingStandardError: 0.5 })
  expect(found.standardError).toBeCloseTo(Math.sqrt(0.25 + 1 / 3), 12)
  // (1/4 + 1/3)² ÷ ((1/3)² ÷ 2) degrees of freedom.
  expect(found.freedom).toBeCloseTo(6.125, 10)
  expect(studentTwoSided((found.high - found.mean) / found.standardError!, 6.125)).toBeCloseTo(0.05, 10)
})

test('by hand, on rows of their own: the sampling variance comes out of the spread', () => {
  const found = seedSummary([1, 2, 3], [0.6, 0.6, 0.6], { sameRows: false })
  expect(found.seedSd).toBeCloseTo(0.8, 12)
  expect(found.samplingStandardError).toBeCloseTo(0.6 / Math.sqrt(3), 12)
  // Both together are the plain standard error of a mean of three.
  expect(found.standardError).toBeCloseTo(1 / Math.sqrt(3), 12)
  // So that its interval is the plain one: 4.302653 is the t of two degrees of freedom in every table.
  expect(found.high - found.mean).toBeCloseTo(4.302653 / Math.sqrt(3), 5)
  expect(seedSummary([1, 2, 3], [5, 5, 5], { sameRows: false }).seedSd).toBe(0)
})

test('one seed has the sampling error only', () => {
  const found = seedSummary([4], [1], { sameRows: true })
  expect(found).toMatchObject({ mean: 4, seedSd: null, standardError: null, samplingStandardError: 1 })
  expect(found.low).toBeCloseTo(4 - 1.959964, 5)
})

test.each([
  [40, true],
  [40, false],
  [5, true],
  [3, true],
  [3, false],
])('intervals of %s seeds hold the truth in 95 of 100 runs, the same rows: %s', (seeds, sameRows) => {
  const random = seededRandom(12)
  const [runs, seedSd, samplingSd] = [2000, 0.7, 0.3]
  let held = 0
  let recovered = 0
  for (let run = 0; run < runs; run++) {
    const shared = samplingSd * random.nextNormal()
    const figures = Array.from({ length: seeds }, () => {
      return seedSd * random.nextNormal() + (sameRows ? shared : samplingSd * random.nextNormal())
    })
    const found = seedSummary(figures, Array(seeds).fill(samplingSd), { sameRows })
    if (found.low <= 0 && found.high >= 0) held++
    recovered += found.seedSd! ** 2 / runs
  }
  // Four standard errors of a share of 2,000.
  expect(Math.abs(held / runs - 0.95)).toBeLessThan(0.02)
  expect(recovered).toBeCloseTo(seedSd ** 2, 1)
})

test('refuses no seeds and errors below 0', () => {
  expect(() => seedSummary([], [], { sameRows: true })).toThrow(StatisticsError)
  expect(() => seedSummary([1], [-1], { sameRows: true })).toThrow('standardErrors[0] is -1')
  expect(() => seedSummary([1, 2], [1], { sameRows: true })).toThrow(StatisticsError)
})
