import { expect, it } from 'vitest'
import { runKernel } from '../testing/run-kernel.ts'
import { randomOf, useDevice } from '../testing/test-device.ts'
import { packHalf } from './half.ts'

const device = useDevice('halves')

/** The value of every half from its definition, by its bits. */
const halfValue = (half: number): number => {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24)
}
const everyHalf = Uint32Array.from({ length: 65_536 }, (_, i) => i)

/** By bisection among the finite halves: what lies nearest, of two as near the one with an even last bit. */
function nearestHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0
  const magnitude = Math.abs(value)
  let [low, high] = [0, 0x7c00]
  // What infinity stands for when the distance is taken: the value behind the largest half.
  const at = (half: number) => (half === 0x7c00 ? 65_536 : halfValue(half))
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (at(middle) <= magnitude) low = middle
    else high = middle
  }
  const [below, above] = [magnitude - at(low), at(high) - magnitude]
  return sign | (below < above || (below === above && low % 2 === 0) ? low : high)
}

const pack = async (tuning: (typeof packHalf.tunings)[number], x: Float32Array) => {
  const shape = { count: x.length, xOffset: 0, yOffset: 0 }
  const arrays = { x, y: new Uint32Array(packHalf.sizes(shape).y * 4) }
  const { y } = await runKernel(device(), packHalf, tuning, shape, arrays)
  return new Uint16Array(y!.buffer, y!.byteOffset, x.length)
}

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)
const floatOf = (pattern: number) => {
  bits[0] = pattern
  return float[0]!
}

for (const tuning of packHalf.tunings) {
  it(`packs what a half holds to that half, NaN to one NaN, ${tuning.name}`, async () => {
    const got = await pack(tuning, Float32Array.from(everyHalf, halfValue))
    expect(everyHalf.filter((half) => got[half] !== (Number.isNaN(halfValue(half)) ? 0x7e00 : half))).toHaveLength(0)
  })

  it(`rounds as IEEE does between any two halves, ${tuning.name}`, async () => {
    const floats: number[] = []
    for (let half = 0; half < 0x7c00; half++) {
      const middle = (halfValue(half) + (half === 0x7bff ? 65_536 : halfValue(half + 1))) / 2
      float[0] = middle
      const pattern = bits[0]!
      for (const near of [pattern - 1, pattern, pattern + 1])
        if (near >= 0) floats.push(floatOf(near), floatOf((near | 0x80000000) >>> 0))
    }
    const got = await pack(tuning, Float32Array.from(floats))
    expect(floats.filter((value, k) => got[k] !== nearestHalf(value))).toEqual([])
  })

  it(`rounds what is random, tiny, huge or not a number, ${tuning.name}`, async () => {
    const random = randomOf(11)
    const patterns = Array.from({ length: 100_000 }, () => Math.floor(random() * 2 ** 32))
    patterns.push(0, 0x80000000, 1, 0x7fffff, 0x800000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7f800001, 0xffffffff)
    const floats = Float32Array.from(patterns, floatOf)
    const got = await pack(tuning, floats)
    expect(patterns.filter((_, k) => got[k] !== nearestHalf(floats[k]!))).toEqual([])
  })
}
