import { expect, test } from 'vitest'
import { seededRandom } from '../random/random.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { auc } from './auc.ts'
import { groupedAuc } from './grouped-auc.ts'

test('by hand: AUC 1 of two rows, ½ of three, one user of one class left out → (2 · 1 + 3 · ½) / 5', () => {
  const scores = [0.9, 0.1, 0.5, 0.5, 0.5, 0.99]
  const labels = [1, 0, 1, 0, 0, 1]
  const groups = Uint32Array.of(7, 7, 3, 3, 3, 1)
  const found = groupedAuc(scores, labels, groups)
  expect(found).toEqual({ value: expect.closeTo(3.5 / 5, 14), groups: 2, rows: 5 })
})

test('is the AUC where all rows are of one group, and unmoved by what is added to all scores of a group', () => {
  const random = seededRandom(5)
  const rows = 500
  const scores = Float64Array.from({ length: rows }, () => random.nextNormal())
  const labels = Uint8Array.from(scores, (score) => (score + random.nextNormal() > 0 ? 1 : 0))
  expect(groupedAuc(scores, labels, new Uint32Array(rows)).value).toBe(auc(scores, labels))
  const groups = Uint32Array.from({ length: rows }, () => random.nextBelow(20))
  const before = groupedAuc(scores, labels, groups)
  const moved = scores.map((score, i) => score + 100 * groups[i])
  expect(groupedAuc(moved, labels, groups).value).toBeCloseTo(before.value, 12)
  // The plain AUC would be moved.
  expect(auc(moved, labels)).toBeLessThan(before.value - 0.1)
})

test('refuses rows without a group of both classes', () => {
  expect(() => groupedAuc([1, 2], [1, 0], Uint32Array.of(1, 2))).toThrow(StatisticsError)
  expect(() => groupedAuc([1, 2], [1, 0], Uint32Array.of(1))).toThrow(StatisticsError)
})
