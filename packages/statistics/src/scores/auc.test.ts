import { describe, expect, test } from 'vitest'
import { seededRandom } from '../random/random.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { auc } from './auc.ts'

/** Every pair of a positive and a negative, one by one. */
function naiveAuc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  let wins = 0
  let pairs = 0
  for (let i = 0; i < labels.length; i++) {
    for (let j = 0; j < labels.length; j++) {
      if (labels[i] !== 1 || labels[j] !== 0) continue
      pairs++
      if (scores[i] > scores[j]) wins++
      else if (scores[i] === scores[j]) wins += 0.5
    }
  }
  return wins / pairs
}

describe('auc', () => {
  test('by hand, with ties: positives .8 .5 .5, negatives .5 .2 → (2 + 1.5 + 1.5) / 6', () => {
    expect(auc([0.8, 0.5, 0.5, 0.5, 0.2], [1, 1, 1, 0, 0])).toBeCloseTo(5 / 6, 15)
  })

  test('perfect, reversed and constant scores give 1, 0 and ½', () => {
    expect(auc([3, 2, 1, 0], [1, 1, 0, 0])).toBe(1)
    expect(auc([0, 1, 2, 3], [1, 1, 0, 0])).toBe(0)
    expect(auc([7, 7, 7], [1, 0, 0])).toBe(0.5)
  })

  test('normal scores with means d apart approach Φ(d / √2)', () => {
    const random = seededRandom(11)
    const labels = Uint8Array.from({ length: 40_000 }, (_, i) => i % 2)
    const scores = Float64Array.from(labels, (label) => random.nextNormal() + label)
    // Φ(1/√2) = .76025; the standard error at 20,000 + 20,000 is about .0023.
    expect(Math.abs(auc(scores, labels) - 0.76025)).toBeLessThan(0.009)
  })

  test.each(Array.from({ length: 60 }, (_, seed) => seed))('equals the naive count of pairs, seed %i', (seed) => {
    const random = seededRandom(seed)
    const rows = 2 + random.nextBelow(130)
    const levels = 1 + random.nextBelow(40)
    const scores = Float32Array.from({ length: rows }, () => (random.nextBelow(levels) - levels / 2) / 8)
    const labels = Uint8Array.from({ length: rows }, () => random.nextBelow(2))
    labels[0] = 0
    labels[1] = 1
    expect(auc(scores, labels)).toBeCloseTo(naiveAuc(scores, labels), 12)
  })

  test('one class, no rows, unequal lengths, odd labels and NaN are typed errors', () => {
    expect(() => auc([1, 2], [1, 1])).toThrow(StatisticsError)
    expect(() => auc([1, 2], [0, 0])).toThrow(/0 positives and 2 negatives/)
    expect(() => auc([], [])).toThrow(StatisticsError)
    expect(() => auc([1], [1, 0])).toThrow(/1 rows but labels has 2/)
    expect(() => auc([1, 2], [1, 2])).toThrow(/labels\[1\] is 2/)
    expect(() => auc([1, Number.NaN], [1, 0])).toThrow(/scores\[1\] is NaN/)
  })
})
