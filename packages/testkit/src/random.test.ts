import { expect, test } from 'vitest'
import { seededRandom } from './random.ts'

const draws = 20_000

test('the same seed repeats, another does not', () => {
  const take = (seed: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: 5 }, () => random.next())
  }
  expect(take(7)).toEqual(take(7))
  expect(take(7)).not.toEqual(take(8))
  expect(take(7)).not.toEqual(take(7 + 2 ** 32))
})

test('uniform numbers fill ten equal bins evenly', () => {
  const random = seededRandom(1)
  const bins = new Array<number>(10).fill(0)
  for (let i = 0; i < draws; i++) bins[Math.floor(random.next() * 10)]!++
  const chiSquare = bins.reduce((sum, count) => sum + (count - draws / 10) ** 2 / (draws / 10), 0)
  expect(chiSquare).toBeLessThan(27.9) // the 99.9 % point with 9 degrees of freedom
})

test('normal numbers have the moments of the standard normal', () => {
  const random = seededRandom(2)
  const moments = [0, 0, 0, 0]
  for (let i = 0; i < draws; i++) {
    const x = random.normal()
    for (let k = 0; k < 4; k++) moments[k]! += x ** (k + 1) / draws
  }
  const standardErrors = [1, 2, 15, 96].map((variance) => Math.sqrt(variance / draws))
  for (const [k, expected] of [0, 1, 0, 3].entries())
    expect(Math.abs(moments[k]! - expected)).toBeLessThan(4 * standardErrors[k]!)
})

test('whole numbers reach both ends and stay inside', () => {
  const random = seededRandom(3)
  const seen = new Set(Array.from({ length: 200 }, () => random.integer(-1, 2)))
  expect([...seen].sort((a, b) => a - b)).toEqual([-1, 0, 1, 2])
  expect(random.integer(5, 5)).toBe(5)
  expect(random.pick(['only'])).toBe('only')
})
