import { floatToHalf, halfToFloat } from '@headwater/binary16'
import { seededRandom } from '@headwater/statistics'
import { expect, it } from 'vitest'
import { float32Bytes, float64Bytes, writeFloat32, writeFloat64, writeHalf } from './decimals.ts'

const bytes = Buffer.alloc(64)

/** What is written in the middle of a buffer. */
function written(write: (value: number, bytes: Uint8Array, at: number) => number, value: number): string {
  return bytes.toString('latin1', 3, write(value, bytes, 3))
}

const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

it('writes binary32 values of all sizes so that JSON reads them back, in the fewest digits', () => {
  const random = seededRandom(1)
  const edges = [
    0,
    1,
    9,
    10,
    1e-5,
    99_999,
    1e9,
    2 ** 24,
    2 ** 31,
    0.1,
    0.5,
    1e-45,
    3.4028234663852886e38,
    1.17549435e-38,
  ]
  const wrong: unknown[] = []
  const try_ = (value: number) => {
    const text = written(writeFloat32, value)
    const digits = text.replace(/e.*/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length
    let fewest = 1
    while (value !== 0 && Math.fround(Number(value.toPrecision(fewest))) !== value) fewest++
    const isBack = Object.is(Math.fround(JSON.parse(text)), value)
    if (!isBack || (value !== 0 && digits !== fewest) || text.length > float32Bytes) wrong.push([value, text, fewest])
  }
  for (const edge of edges) for (const sign of [1, -1]) try_(Math.fround(sign * edge))
  for (let power = -44; power <= 38; power++) try_(Math.fround(Number(`1e${power}`)))
  // Those of binary16, the second time of a table.
  for (let half = 0; half < 65_536; half += 13) {
    const value = halfToFloat(half)
    if (!Number.isFinite(value)) continue
    try_(value)
    try_(value)
  }
  for (let i = 0; i < 10_000; i++) {
    // Of all patterns, and of sizes that vectors have.
    word[0] = random.nextBelow(2 ** 32)
    if (Number.isFinite(float[0])) try_(float[0])
    try_(Math.fround((random.nextFloat() - 0.5) * 10 ** (random.nextBelow(12) - 6)))
  }
  expect(wrong).toEqual([])
  expect([Number.NaN, Infinity, -Infinity].map((value) => JSON.parse(written(writeFloat32, value)))).toEqual([
    null,
    null,
    null,
  ])
})

it('writes all binary16 patterns so that JSON reads them back, and none is longer than it needs', () => {
  const wrong: unknown[] = []
  for (let half = 0; half < 65_536; half++) {
    const text = written(writeHalf, half)
    const value = JSON.parse(text)
    if ((half & 0x7c00) === 0x7c00) {
      if (text !== 'null') wrong.push([half, text])
    } else if (floatToHalf(value) !== half || text.length > Math.max(2, String(halfToFloat(half)).length))
      wrong.push([half, text])
  }
  expect(wrong).toEqual([])
  expect([0x2e66, 0x3c00, 0xb800, 0x0001].map((half) => written(writeHalf, half))).toEqual(['0.1', '1', '-0.5', '6e-8'])
})

it('writes float64 values as JSON does', () => {
  const random = seededRandom(2)
  const values = [0, 1, 999_999_999, 1e9, 1e9 + 1, 1_700_000_000_000, 2 ** 53 - 1, 2 ** 53, 1.5, -3, 1e300, 5e-324]
  for (let i = 0; i < 10_000; i++) values.push(Math.floor(random.nextFloat() * 10 ** random.nextBelow(17)))
  expect(values.map((value) => written(writeFloat64, value))).toEqual(values.map((value) => JSON.stringify(value)))
  expect(Math.max(...values.map((value) => written(writeFloat64, value).length))).toBeLessThan(float64Bytes)
  expect(written(writeFloat64, Number.NaN)).toBe('null')
})
