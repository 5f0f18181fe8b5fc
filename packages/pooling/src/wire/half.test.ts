import { floatToHalf } from '@headwater/store'
import { expect, it } from 'vitest'
import { halvesToFloats } from './half.ts'

it('decodes every pattern to the value that the store encodes to it', () => {
  const patterns = Uint16Array.from({ length: 65_536 }, (_, bits) => bits)
  const floats = halvesToFloats(patterns)
  for (const bits of patterns) {
    const isNone = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0
    if (isNone) expect(floats[bits]).toBeNaN()
    else expect(floatToHalf(floats[bits])).toBe(bits)
  }
})

it('knows values of the standard', () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0x8000)
  expect([...halvesToFloats(halves)]).toEqual([1, -2, 65_504, 2 ** -24, 2 ** -14, Number.POSITIVE_INFINITY, -0])
})
