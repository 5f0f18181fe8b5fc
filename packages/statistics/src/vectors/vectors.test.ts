import { describe, expect, test } from 'vitest'
import { seededRandom } from '../random/random.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { effectiveRank } from './effective-rank.ts'
import { vectorChange } from './vector-change.ts'

const random = seededRandom(31)
const normals = (count: number) => Float64Array.from({ length: count }, () => random.nextNormal())

describe('vectors of the same users', () => {
  test('with a large mean in common change as much as what tells users apart does', () => {
    const [users, dim] = [4000, 8]
    const own = normals(users * dim)
    const other = normals(users * dim)
    // Means of length 100·√8 and spreads of length √8: the cosine of whole vectors is above .9999.
    const before = own.map((x) => 100 + x)
    const correlated = own.map((x, i) => 100 + 0.6 * x + 0.8 * other[i])
    const found = vectorChange(before, correlated, dim)
    // Correlation .6: ‖Δ‖² = 2 − 2 · .6 of a spread of 1.
    expect(found.users).toBe(users)
    expect(found.centredCosine).toBeCloseTo(0.6, 1)
    expect(found.varianceKept).toBeCloseTo(0.36, 1)
    expect(found.residual).toBeCloseTo(Math.sqrt(0.8), 1)
  })

  test('that spread twice as far keep all of their variance, and those that move together too', () => {
    const before = normals(300).map((x) => x + 5)
    const mean = [0, 1, 2].map((d) => before.filter((_, i) => i % 3 === d).reduce((sum, x) => sum + x, 0) / 100)
    const wider = before.map((x, i) => mean[i % 3] + 2 * (x - mean[i % 3]))
    expect(vectorChange(before, wider, 3)).toMatchObject({
      residual: expect.closeTo(1, 9),
      centredCosine: expect.closeTo(1, 9),
      varianceKept: expect.closeTo(1, 9),
    })
    const moved = vectorChange(
      before,
      before.map((x) => x + 1),
      3,
    )
    expect(moved.centredCosine).toBeCloseTo(1, 9)
    expect(moved.varianceKept).toBeCloseTo(1, 9)
    expect(moved.residual).toBeGreaterThan(0.5)
  })

  test('that are all alike have no spread to keep', () => {
    const [zeros, ones] = [new Float32Array(6), new Float32Array(6).fill(1)]
    expect(vectorChange(zeros, zeros, 3)).toEqual({ users: 2, residual: 0, centredCosine: 1, varianceKept: 1 })
    expect(vectorChange(zeros, ones, 3).residual).toBe(Number.MAX_VALUE)
    expect(vectorChange(zeros, Float32Array.of(1, 0, 0, 0, 0, 0), 3).centredCosine).toBe(0)
    expect(() => vectorChange(zeros, ones, 4)).toThrow(StatisticsError)
    expect(() => vectorChange(zeros, ones.subarray(3), 3)).toThrow(StatisticsError)
  })
})

describe('the effective rank', () => {
  /** Vectors with these variances along orthogonal directions, exactly: two users a direction, on both sides of the mean. */
  const along = (variances: readonly number[], dim: number) =>
    Float64Array.from(
      variances.flatMap((variance, k) =>
        [1, -1].flatMap((side) =>
          Array.from({ length: dim }, (_, d) => 7 + (d === k ? side * Math.sqrt(variance) : 0)),
        ),
      ),
    )

  test('is the number of directions of equal spread, whatever the mean', () => {
    expect(effectiveRank(along([1, 1, 1], 5), 5)).toBeCloseTo(3, 9)
    expect(effectiveRank(along([4], 5), 5)).toBeCloseTo(1, 9)
    expect(effectiveRank(along([1, 1, 1, 1], 4), 4)).toBeCloseTo(4, 9)
    expect(effectiveRank(new Float32Array(8).fill(3), 4)).toBe(1)
  })

  test('is the exponential of the entropy of their shares', () => {
    expect(effectiveRank(along([3, 1], 3), 3)).toBeCloseTo(
      Math.exp(-(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25))),
      9,
    )
  })
})
