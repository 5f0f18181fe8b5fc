/** The four steps together, in float64, are the loss and gradient that the formula promises. */
import { seededRandom } from '@headwater/statistics'
import { describe, expect, it } from 'vitest'
import { decorrelationCenter, decorrelationOffDiagonal } from './decorrelation.ts'

/** 1/D Σ_{i≠j} C_ij² of the rows that count, by the textbook: covariances of pairs of columns. */
function textbookLoss(rows: number[][]): number {
  const D = rows[0].length
  const means = rows[0].map((_, d) => rows.reduce((sum, row) => sum + row[d], 0) / rows.length)
  let loss = 0
  for (let i = 0; i < D; i++)
    for (let j = 0; j < D; j++) {
      const covariance =
        rows.reduce((sum, row) => sum + (row[i] - means[i]) * (row[j] - means[j]), 0) / Math.max(1, rows.length - 1)
      if (i !== j) loss += covariance ** 2 / D
    }
  return loss
}

function steps(x: Float64Array, weights: Float64Array, D: number, scale: number) {
  const R = weights.length
  const centered = new Float64Array(R * D)
  const count = new Float64Array(1)
  decorrelationCenter.reference({ R, D4: D / 4, xOffset: 0, xRow: D / 4 }, { x, rowWeights: weights, centered, count })
  const products = new Float64Array(D * D)
  for (let i = 0; i < D * D; i++)
    for (let r = 0; r < R; r++) products[i] += centered[r * D + Math.floor(i / D)] * centered[r * D + (i % D)]
  const loss = new Float64Array(D)
  const masked = new Float64Array(D * D)
  decorrelationOffDiagonal.reference({ D, pRow: D / 4, scale }, { products, count, loss, masked })
  const gradient = new Float64Array(R * D)
  for (let i = 0; i < R * D; i++)
    for (let k = 0; k < D; k++) gradient[i] += centered[Math.floor(i / D) * D + k] * masked[k * D + (i % D)]
  return { loss: loss.reduce((a, b) => a + b, 0), gradient }
}

describe('decorrelation', () => {
  const D = 8
  for (const R of [1, 2, 13])
    it(`has the textbook's loss and its central differences as gradient, ${R} rows`, () => {
      const random = seededRandom(R)
      const x = Float64Array.from({ length: R * D }, () => random.nextNormal() + 0.5)
      const weights = Float64Array.from({ length: R }, (_, r) => (r % 4 === 3 ? 0 : 1))
      const rowsOf = (values: Float64Array) =>
        [...weights.keys()].filter((r) => weights[r] !== 0).map((r) => Array.from(values.slice(r * D, (r + 1) * D)))
      const scale = 0.7
      const { loss, gradient } = steps(x, weights, D, scale)
      expect(loss).toBeCloseTo(textbookLoss(rowsOf(x)), 12)
      const h = 1e-5
      for (let i = 0; i < x.length; i++) {
        const at = (step: number) => textbookLoss(rowsOf(x.with(i, x[i] + step)))
        expect(gradient[i]).toBeCloseTo((scale * (at(h) - at(-h))) / (2 * h), 7)
      }
    })
})
