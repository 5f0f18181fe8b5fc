import { describe, expect, it } from 'vitest'
import { decodeHalves, encodeHalves, floatToHalf, halfToFloat, halvesToFloats } from './index.ts'

/** Value of a finite pattern from the definition of binary16, in float64, which holds it exactly. */
function valueOfHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  return exponent === 0 ? sign * (fraction / 1024) * 2 ** -14 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Nearest pattern, ties to even, by search in the ordered list of all positive values; 65,536 stands for infinity. */
function nearest(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  let low = 0
  let high = 0x7c00
  const at = (half: number) => (half === 0x7c00 ? 65_536 : valueOfHalf(half))
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (at(middle) <= magnitude) low = middle
    else high = middle
  }
  const below = magnitude - at(low)
  const above = at(high) - magnitude
  if (magnitude >= 65_536) return sign | 0x7c00
  return sign | (below < above || (below === above && low % 2 === 0) ? low : high)
}

const float = new Float32Array(1)
const floatBits = new Uint32Array(float.buffer)

describe('binary16', () => {
  it('decodes all 65,536 patterns, one or all at once, and encodes them back', () => {
    const floats = halvesToFloats(Uint16Array.from({ length: 65_536 }, (_, half) => half))
    const wrong: number[] = []
    for (let half = 0; half < 65_536; half++) {
      const value = halfToFloat(half)
      const infinite = half & 0x8000 ? -Infinity : Infinity
      const special = (half & 0x3ff) === 0 ? infinite : Number.NaN
      if (!Object.is(value, (half & 0x7c00) === 0x7c00 ? special : valueOfHalf(half))) wrong.push(half)
      if (!Object.is(value, floats[half])) wrong.push(half)
      if (floatToHalf(value) !== (Number.isNaN(value) ? 0x7e00 : half)) wrong.push(half)
    }
    expect(wrong).toEqual([])
  })

  it('rounds every tie to even, and its two neighbours away from it', () => {
    const wrong: number[] = []
    for (let half = 0; half < 0x7c00; half++) {
      const next = half === 0x7bff ? 65_536 : valueOfHalf(half + 1)
      float[0] = (valueOfHalf(half) + next) / 2
      const tie = floatBits[0]
      for (const [bits, expected] of [
        [tie - 1, half],
        [tie, half % 2 === 0 ? half : half + 1],
        [tie + 1, half + 1],
      ]) {
        floatBits[0] = bits
        if (floatToHalf(float[0]) !== expected) wrong.push(float[0])
        if (floatToHalf(-float[0]) !== (expected | 0x8000)) wrong.push(-float[0])
      }
    }
    expect(wrong).toEqual([])
  })

  it('agrees with the search for the nearest on values of every exponent', () => {
    const wrong: number[] = []
    let seed = 11
    for (let i = 0; i < 200_000; i++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      floatBits[0] = seed
      // The low bits of such a generator repeat, so they come from the high ones of the next.
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      floatBits[0] = (floatBits[0] & 0xffff0000) | (seed >>> 16)
      if (Number.isFinite(float[0]) && floatToHalf(float[0]) !== nearest(float[0])) wrong.push(float[0])
    }
    expect(wrong).toEqual([])
  })

  it('works at odd byte offsets and names the first value that is not finite', () => {
    const bytes = new Uint8Array(11)
    const values = Float32Array.of(9, 0.5, -2, 65_504, 7)
    expect(encodeHalves(values, 1, 3, bytes, 3)).toBe(-1)
    const decoded = new Float32Array(4)
    decodeHalves(bytes, 3, 3, decoded, 1)
    expect([...decoded]).toEqual([0, 0.5, -2, 65_504])
    for (const bad of [Number.NaN, Infinity, -Infinity, 65_520]) {
      expect(encodeHalves(Float32Array.of(1, 2, bad, bad, 3), 0, 5, bytes, 0)).toBe(2)
      // All are encoded all the same.
      expect(floatToHalf(bad)).toBe(bytes[4] | (bytes[5] << 8))
      expect(halfToFloat(bytes[8] | (bytes[9] << 8))).toBe(3)
    }
  })
})
