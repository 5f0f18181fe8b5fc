import { referenceSetting, syntheticWorld } from '@headwater/datasets'
import { seededRandom } from '@headwater/statistics'
import { Matrix } from 'ml-matrix'
import { describe, expect, test } from 'vitest'
import { expectedSigmoid, liveTopics, logitAfterClick, shownAd, shrinkage } from './belief.ts'

/** ∫ f(η) N(η; mean, variance) dη by the trapezoid rule, which converges at once on smooth functions of this kind. */
function integrate(mean: number, variance: number, f: (logit: number) => number): number {
  const steps = 4000
  const sd = Math.sqrt(variance)
  let sum = 0
  for (let i = 0; i <= steps; i++) {
    const z = -12 + (24 * i) / steps
    sum += f(mean + sd * z) * Math.exp(-z * z * 0.5)
  }
  return (sum * 24) / steps / Math.sqrt(2 * Math.PI)
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

describe('a normal logit', () => {
  const cases = [
    [-3.6, 5],
    [-3, 0.3],
    [0, 1],
    [1.5, 2],
    [-2.2, 0.01],
  ]

  test.each(cases)('of mean %d and variance %d clicks as often as the integral says', (mean, variance) => {
    expect(expectedSigmoid(mean, variance)).toBeCloseTo(integrate(mean, variance, sigmoid), 5)
  })

  test.each(cases)('of mean %d and variance %d has the moments of the integral after a click, or none', (m, v) => {
    for (const clicked of [true, false]) {
      const weight = (logit: number) => sigmoid(clicked ? logit : -logit)
      const total = integrate(m, v, weight)
      const mean = integrate(m, v, (logit) => logit * weight(logit)) / total
      const variance = integrate(m, v, (logit) => (logit - mean) ** 2 * weight(logit)) / total
      const after = logitAfterClick(m, v, clicked)
      expect(after.mean).toBeCloseTo(mean, 3)
      expect(after.variance / variance).toBeCloseTo(1, 3)
    }
  })
})

describe('the ad shown', () => {
  const setting = { ...referenceSetting, topics: 3, ads: 7, users: 1, targetingWeight: 0.9 }
  const world = syntheticWorld({ seed: 4, setting })
  const live = liveTopics(world, setting.days - 1)

  /** log of the chance that the policy chooses ad `a` at an interest. */
  const logChance = (interest: ArrayLike<number>, a: number) => {
    const match = (ad: number) => [0, 1, 2].reduce((sum, k) => sum + interest[k] * live[ad * 3 + k], 0)
    let total = 0
    for (let ad = 0; ad < 7; ad++) total += Math.exp(0.9 * match(ad))
    return 0.9 * match(a) - Math.log(total)
  }

  test('has the gradient β (y − E y) and the Hessian −M that central differences have', () => {
    const at = Float64Array.of(0.7, -1.2, 2.1)
    const shown = shownAd(world, at, live)
    const moved = (k: number, by: number, l = 0, also = 0) => {
      const interest = Float64Array.from(at)
      interest[k] += by
      interest[l] += also
      return interest
    }
    const h = 1e-3
    for (let a = 0; a < 7; a++) {
      for (let k = 0; k < 3; k++) {
        const slope = (logChance(moved(k, h), a) - logChance(moved(k, -h), a)) / (2 * h)
        expect(0.9 * (live[a * 3 + k] - shown.mean[k])).toBeCloseTo(slope, 5)
        for (let l = 0; l < 3; l++) {
          const corner = (by: number, also: number) => logChance(moved(k, by, l, also), a)
          const bend = (corner(h, h) - corner(h, -h) - corner(-h, h) + corner(-h, -h)) / (4 * h * h)
          expect(shown.information[k * 3 + l]).toBeCloseTo(-bend, 5)
        }
      }
    }
  })

  test('makes the covariance the inverse of precision plus information', () => {
    const random = seededRandom(8)
    const shown = shownAd(world, Float64Array.of(0.3, 0.4, -0.5), live)
    const root = Float64Array.from({ length: 9 }, () => random.nextNormal())
    const at = (m: ArrayLike<number>, i: number, j: number) => m[i * 3 + j]
    const three = [0, 1, 2]
    const matrix = (f: (i: number, j: number) => number) =>
      Float64Array.from(three.flatMap((i) => three.map((j) => f(i, j))))
    const product = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      matrix((i, j) => three.reduce((sum, k) => sum + at(a, i, k) * at(b, k, j), 0))
    const covariance = matrix(
      (i, j) => three.reduce((sum, k) => sum + at(root, i, k) * at(root, j, k), 0) + (i === j ? 1 : 0),
    )
    const w = shrinkage(shown, 5, Matrix.from1DArray(3, 3, covariance)).to1DArray()
    const lost = product(product(covariance, w), covariance)
    const after = covariance.map((value, i) => value - lost[i])
    // (S⁻¹ + 5 M) S' = I, multiplied from the left by S.
    const information = shown.information.map((value) => 5 * value)
    const left = product(covariance, product(information, after)).map((value, i) => value + after[i])
    for (let i = 0; i < 9; i++) expect(left[i]).toBeCloseTo(covariance[i], 10)
  })
})
