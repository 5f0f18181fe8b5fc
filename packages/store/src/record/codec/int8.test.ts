import { expect, it } from 'vitest'
import { decodeInt8, encodeInt8 } from './int8.ts'

it('holds multiples of its scale exactly, at any byte offset', () => {
  const bytes = new Uint8Array(20).fill(77)
  const values = Float32Array.of(9, 254, -254, 0, 2, -100, 128, 9)
  expect(encodeInt8(values, 1, 6, bytes, 3)).toBe(-1)
  const view = new DataView(bytes.buffer)
  expect(view.getFloat32(3, true)).toBe(2)
  expect([...new Int8Array(bytes.buffer, 7, 6)]).toEqual([127, -127, 0, 1, -50, 64])
  const decoded = new Float32Array(8)
  decodeInt8(bytes, 3, 6, decoded, 1)
  expect([...decoded]).toEqual([0, 254, -254, 0, 2, -100, 128, 0])
  expect([bytes[2], bytes[13]]).toEqual([77, 77])
})

it('moves no value by more than half a step, whatever the magnitude', () => {
  let seed = 3
  const next = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed / 2 ** 32
  }
  for (let round = 0; round < 400; round++) {
    const dim = 1 + Math.floor(next() * 67)
    const magnitude = 10 ** (-30 + 34 * next())
    const values = Float32Array.from({ length: dim }, () => (next() - 0.5) * magnitude)
    const bytes = new Uint8Array(4 + dim)
    expect(encodeInt8(values, 0, dim, bytes, 0)).toBe(-1)
    const decoded = new Float32Array(dim)
    decodeInt8(bytes, 0, dim, decoded, 0)
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    for (let i = 0; i < dim; i++) {
      // Beside half a step, the rounding of scale and product to binary32.
      expect(Math.abs(decoded[i] - values[i])).toBeLessThanOrEqual((largest / 254) * (1 + 1e-4))
    }
  }
})

it('holds zeros and what is next to nothing as zeros, and names the first value that it cannot hold', () => {
  const bytes = new Uint8Array(8)
  const decoded = new Float32Array(4)
  for (const tiny of [0, -0, 1e-45, -2e-45]) {
    expect(encodeInt8(Float32Array.of(tiny, 0, 0, tiny), 0, 4, bytes, 0)).toBe(-1)
    decodeInt8(bytes, 0, 4, decoded, 0)
    expect(decoded.every((value) => Math.abs(value) === 0)).toBe(true)
  }
  for (const bad of [Number.NaN, Infinity, -Infinity, 65_505, -1e30]) {
    expect(encodeInt8(Float32Array.of(1, 2, bad, 3), 0, 4, bytes, 0)).toBe(2)
  }
  expect(encodeInt8(Float32Array.of(65_504, 1, 1, -65_504), 0, 4, bytes, 0)).toBe(-1)
})
