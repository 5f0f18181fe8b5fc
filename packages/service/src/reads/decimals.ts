/**
 * Numbers as JSON text, each in the fewest digits that read back to the same bits of its own precision. A binary32 value needs
 * at most 9, where `JSON.stringify` writes the 17 of the float64 that it is held as: an answer takes about half the bytes.
 * All write at `at` of `bytes`, and return the place behind; `float32Bytes` behind it they may have written over.
 */
import { floatToHalf, halfToFloat } from '@headwater/binary16'

/** Bytes that a binary32 value takes at most, and a float64: sign, digits, point, and an exponent. */
export const float32Bytes = 15
export const float64Bytes = 25

const powers = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))
const minus = 0x2d
const point = 0x2e
const zero = 0x30

const float = new Float32Array(1)
const pattern = new Uint32Array(float.buffer)

/**
 * Embeddings are held in binary16, so that most values are found in a table.
 *
 * @param value of binary32; null is written where it is not finite, as JSON has no other word
 */
export function writeFloat32(value: number, bytes: Uint8Array, at: number): number {
  float[0] = value
  const bits = pattern[0]
  const exponent = ((bits >>> 23) & 0xff) - 112
  // A normal number of binary16.
  if (exponent > 0 && exponent < 31 && (bits & 0x1fff) === 0)
    return texts32.write(((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff), bytes, at)
  return writeAnyFloat32(value, bytes, at)
}

function writeAnyFloat32(value: number, bytes: Uint8Array, at: number): number {
  if (!Number.isFinite(value)) return writeText('null', bytes, at)
  if (value < 0 || Object.is(value, -0)) {
    bytes[at++] = minus
    value = -value
  }
  if (value >= 2 ** 24 || value < 1e-4)
    return value === 0 ? writeWhole(0, bytes, at) : writeText(shortest(value), bytes, at)
  // A value of 10^exponent up to below 10^(exponent + 1), times 10^places, has one digit more than exponent + places.
  const exponent =
    value >= 1 ? wholeDigits(value) - 1 : value >= 0.1 ? -1 : value >= 0.01 ? -2 : Math.floor(Math.log10(value))
  // The nearest number of 6 digits reads back wherever one of 6 or fewer does, since they lie further apart than values.
  let places = Math.max(5 - exponent, 0)
  let digits = Math.round(value * powers[places])
  while (Math.fround(digits / powers[places]) !== value) digits = Math.round(value * powers[++places])
  while (places > 0 && digits % 10 === 0) {
    digits /= 10
    places--
  }
  return writeFixed(digits, places, bytes, at)
}

/** Of a number below 2^31. */
function wholeDigits(value: number): number {
  let digits = 1
  while (value >= powers[digits]) digits++
  return digits
}

/** `digits`, below 2^31, behind the last `places` of which stands the point. */
function writeFixed(digits: number, places: number, bytes: Uint8Array, at: number): number {
  if (places === 0) return writeWhole(digits, bytes, at)
  let whole = 0
  let rest = digits
  if (places < 10) {
    whole = (digits / powers[places]) | 0
    rest = digits - whole * powers[places]
  }
  const dot = writeWhole(whole, bytes, at)
  bytes[dot] = point
  writeDigits(rest, dot + 1, dot + places, bytes)
  return dot + places + 1
}

function writeWhole(value: number, bytes: Uint8Array, at: number): number {
  const end = at + wholeDigits(value)
  writeDigits(value, at, end - 1, bytes)
  return end
}

/** The last digits of a number below 2^31, from `last` back to `first`. */
function writeDigits(value: number, first: number, last: number, bytes: Uint8Array): void {
  for (let i = last; i >= first; i--) {
    const tenth = (value / 10) | 0
    bytes[i] = zero + value - 10 * tenth
    value = tenth
  }
}

/** Of a finite binary32 value of any size. */
function shortest(value: number): string {
  let digits = 1
  while (Math.fround(Number(value.toPrecision(digits))) !== value) digits++
  return value.toExponential(digits - 1)
}

function writeText(text: string, bytes: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
  return at + text.length
}

/**
 * Texts of all patterns of binary16, each made when it is first needed. Of 16 bytes the last is the text's length, so that it is
 * copied without a loop: that takes a fifth of the time of writing digits.
 */
class HalfTexts {
  /** Four a pattern, the first byte lowest. */
  readonly #words = new Uint32Array(4 * 65_536)
  readonly #textOf: (half: number) => string

  constructor(textOf: (half: number) => string) {
    this.#textOf = textOf
  }

  /** Writes over up to 15 bytes behind `at`, whatever the text's length. */
  write(half: number, bytes: Uint8Array, at: number): number {
    const words = this.#words
    const from = 4 * half
    if (words[from + 3] === 0) this.#make(half)
    let word = words[from]
    bytes[at] = word
    bytes[at + 1] = word >>> 8
    bytes[at + 2] = word >>> 16
    bytes[at + 3] = word >>> 24
    word = words[from + 1]
    bytes[at + 4] = word
    bytes[at + 5] = word >>> 8
    bytes[at + 6] = word >>> 16
    bytes[at + 7] = word >>> 24
    word = words[from + 2]
    bytes[at + 8] = word
    bytes[at + 9] = word >>> 8
    bytes[at + 10] = word >>> 16
    bytes[at + 11] = word >>> 24
    word = words[from + 3]
    bytes[at + 12] = word
    bytes[at + 13] = word >>> 8
    bytes[at + 14] = word >>> 16
    return at + (word >>> 24)
  }

  #make(half: number): void {
    const text = this.#textOf(half)
    for (let i = 0; i < text.length; i++) this.#words[4 * half + (i >> 2)] |= text.charCodeAt(i) << (8 * (i % 4))
    this.#words[4 * half + 3] |= text.length << 24
  }
}

const texts16 = new HalfTexts(shortestHalf)
const texts32 = new HalfTexts((half) => {
  const bytes = Buffer.alloc(float32Bytes)
  return bytes.toString('latin1', 0, writeAnyFloat32(halfToFloat(half), bytes, 0))
})

/** @param half a pattern of binary16 */
export function writeHalf(half: number, bytes: Uint8Array, at: number): number {
  return texts16.write(half, bytes, at)
}

function shortestHalf(half: number): string {
  if (half === 0x8000) return '-0'
  const value = halfToFloat(half)
  if (!Number.isFinite(value)) return 'null'
  let digits = 1
  while (floatToHalf(Number(value.toPrecision(digits))) !== half) digits++
  return String(Number(value.toPrecision(digits)))
}

/** Times are whole numbers, most of the time. @param value null is written where it is not finite */
export function writeFloat64(value: number, bytes: Uint8Array, at: number): number {
  if (!(Number.isSafeInteger(value) && value >= 0)) {
    return writeText(Number.isFinite(value) ? String(value) : 'null', bytes, at)
  }
  const high = Math.floor(value / 1e9)
  if (high === 0) return writeWhole(value, bytes, at)
  const middle = writeWhole(high, bytes, at)
  writeDigits(value - high * 1e9, middle, middle + 8, bytes)
  return middle + 9
}
