import { seededRandom } from '@headwater/statistics'
import { expect, test } from 'vitest'
import { ShadowFigures } from './shadow-figures.ts'

test('figures of a shadow are those of all rows at once', () => {
  const random = seededRandom(5)
  const dim = 7
  const rows = 1_003
  const live = Float32Array.from({ length: rows * dim }, () => random.nextNormal())
  const shadow = live.map((value) => 1.5 * value + 0.3 * random.nextNormal())
  // A served vector of zeros counts nowhere, a shadow of zeros as at right angles.
  live.fill(0, 0, dim)
  shadow.fill(0, dim, 2 * dim)

  const figures = new ShadowFigures(dim)
  for (let row = 0; row < rows; row += 100)
    figures.add(live.subarray(row * dim, (row + 100) * dim), shadow.subarray(row * dim, (row + 100) * dim))

  const of = (data: Float32Array, row: number) => [...data.slice(row * dim, (row + 1) * dim)]
  const norm = (vector: number[]) => Math.hypot(...vector)
  const cosines: number[] = []
  const ratios: number[] = []
  for (let row = 1; row < rows; row++) {
    const [a, b] = [of(live, row), of(shadow, row)]
    cosines.push(row === 1 ? 0 : a.reduce((sum, value, i) => sum + value * b[i], 0) / norm(a) / norm(b))
    ratios.push(norm(b) / norm(a))
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const { rows: counted, cosineMean, cosineP1, normRatioMean } = figures.values
  expect(counted).toBe(rows - 1)
  expect(cosineMean).toBeCloseTo(mean(cosines), 10)
  expect(normRatioMean).toBeCloseTo(mean(ratios), 10)
  const sorted = cosines.toSorted((a, b) => a - b)
  expect(cosineP1).toBeGreaterThan(sorted[9] - 0.001)
  expect(cosineP1).toBeLessThan(sorted[10] + 0.001)
})

test('the same vectors are at cosine 1, opposite ones at −1, and none give NaN', () => {
  const vectors = Float32Array.of(3, 4, 1, 2)
  const same = new ShadowFigures(2)
  expect(same.values).toEqual({ rows: 0, cosineMean: Number.NaN, cosineP1: Number.NaN, normRatioMean: Number.NaN })
  same.add(vectors, vectors)
  expect(same.values).toMatchObject({ rows: 2, cosineMean: 1, normRatioMean: 1 })
  expect(same.values.cosineP1).toBeCloseTo(1, 3)
  const opposite = new ShadowFigures(2)
  opposite.add(
    vectors,
    vectors.map((value) => -value),
  )
  expect(opposite.values.cosineMean).toBe(-1)
  expect(opposite.values.cosineP1).toBeCloseTo(-1, 3)
})
