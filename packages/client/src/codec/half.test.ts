import { seededRandom } from '@headwater/statistics'
import { floatToHalf } from '@headwater/store'
import { expect, it } from 'vitest'
import { floatsToHalves, halvesToFloats } from './half.ts'

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

it('encodes as the store does: at ties, below the smallest, beyond the largest, and at random', () => {
  const random = seededRandom(5)
  const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits)
  const exact = [...halvesToFloats(halves)]
  const between = exact.slice(0, 0x7c00).map((value, bits) => (value + (exact[bits + 1] ?? 0)) / 2)
  const near = between.flatMap((value) => [value, -value, value * (1 + 2 ** -23), value * (1 - 2 ** -23)])
  const bits = Uint32Array.from({ length: 200_000 }, () => random.nextU32())
  const values = Float32Array.from([...exact, ...near, ...new Float32Array(bits.buffer)])
  const bytes = new Uint8Array(2 * values.length + 1)
  floatsToHalves(values, bytes, 1)
  const view = new DataView(bytes.buffer)
  let wrong = 0
  for (let i = 0; i < values.length; i++) if (view.getUint16(1 + 2 * i, true) !== floatToHalf(values[i])) wrong++
  expect(wrong).toBe(0)
})
