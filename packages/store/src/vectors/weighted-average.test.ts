import { expect, it } from 'vitest'
import { encodeHalf, floatToHalf, halfToFloat } from '../codec/half.ts'
import { weightedAverage } from './weighted-average.ts'

it('is the float64 weighted sum of the decoded vectors, rounded once', () => {
  for (const [count, dim] of [
    [1, 1],
    [3, 192],
    [5, 7],
    [7, 33],
  ]) {
    const gap = 5
    const bytes = new Uint8Array(count * (2 * dim + gap))
    const rows = Array.from({ length: count }, (_, v) =>
      Float32Array.from({ length: dim }, (_, i) => Math.sin(v * 97 + i) * 3),
    )
    const offsets = rows.map((row, v) => {
      const offset = v * (2 * dim + gap) + 1
      encodeHalf(row, 0, dim, bytes, offset)
      return offset
    })
    const weights = rows.map((_, v) => (v + 1) / ((count * (count + 1)) / 2))
    const out = new Float32Array(dim + 2).fill(-1)
    weightedAverage(bytes, offsets, weights, dim, out, 1)
    for (let i = 0; i < dim; i++) {
      const sum = rows.reduce((total, row, v) => total + weights[v] * halfToFloat(floatToHalf(row[i])), 0)
      expect(out[1 + i]).toBe(Math.fround(sum))
    }
    expect([out[0], out[dim + 1]]).toEqual([-1, -1])
  }
})
