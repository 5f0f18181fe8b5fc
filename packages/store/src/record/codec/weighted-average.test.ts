import { encodeHalves, floatToHalf, halfToFloat } from '@headwater/binary16'
import { expect, it } from 'vitest'
import { encodeInt8 } from './int8.ts'
import { weightedAverage } from './weighted-average.ts'

const gap = 5
const shapes = [
  [1, 1],
  [3, 192],
  [5, 7],
  [7, 33],
] as const

const rowsOf = (count: number, dim: number) =>
  Array.from({ length: count }, (_, v) => Float32Array.from({ length: dim }, (_, i) => Math.sin(v * 97 + i) * 3))
const weightsOf = (count: number) => Array.from({ length: count }, (_, v) => (v + 1) / ((count * (count + 1)) / 2))

it('is the float64 weighted sum of the decoded fp16 vectors, rounded once', () => {
  for (const [count, dim] of shapes) {
    const bytes = new Uint8Array(count * (2 * dim + gap))
    const rows = rowsOf(count, dim)
    const offsets = rows.map((row, v) => {
      const offset = v * (2 * dim + gap) + 1
      encodeHalves(row, 0, dim, bytes, offset)
      return offset
    })
    const weights = weightsOf(count)
    const out = new Float32Array(dim + 1).fill(-1)
    weightedAverage(bytes, offsets, weights, dim, out, 'fp16')
    for (let i = 0; i < dim; i++) {
      const sum = rows.reduce((total, row, v) => total + weights[v] * halfToFloat(floatToHalf(row[i])), 0)
      expect(out[i]).toBe(Math.fround(sum))
    }
    expect(out[dim]).toBe(-1)
  }
})

it('is the weighted sum of the decoded int8 vectors', () => {
  for (const [count, dim] of shapes) {
    const bytes = new Uint8Array(count * (4 + dim + gap))
    const offsets = rowsOf(count, dim).map((row, v) => {
      const offset = v * (4 + dim + gap) + 1
      encodeInt8(row, 0, dim, bytes, offset)
      return offset
    })
    const weights = weightsOf(count)
    const out = new Float32Array(dim + 1).fill(-1)
    weightedAverage(bytes, offsets, weights, dim, out, 'int8')
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < dim; i++) {
      let sum = 0
      for (const [v, offset] of offsets.entries()) {
        sum += weights[v] * view.getFloat32(offset, true) * view.getInt8(offset + 4 + i)
      }
      // The scale is multiplied in another order, so that the last bit may differ.
      expect(Math.abs(out[i] - sum)).toBeLessThanOrEqual(3 * 2 ** -24)
    }
    expect(out[dim]).toBe(-1)
  }
})
