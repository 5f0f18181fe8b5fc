/** IEEE 754 binary16 to and from binary32. It imports nothing, so that browsers can use it. */

let table: Float32Array | null = null

/** Decodes binary16 patterns, exactly. */
export function halvesToFloats(halves: Uint16Array): Float32Array<ArrayBuffer> {
  table ??= makeTable()
  const floats = new Float32Array(halves.length)
  for (let i = 0; i < halves.length; i++) floats[i] = table[halves[i]]
  return floats
}

function makeTable(): Float32Array {
  return Float32Array.from({ length: 65_536 }, (_, bits) => {
    const sign = bits < 0x8000 ? 1 : -1
    const exponent = (bits >>> 10) & 0x1f
    const fraction = bits & 0x3ff
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    // Subnormals have no leading one, and the exponent of the smallest normal.
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
  })
}

/** Encodes values to little-endian binary16 from byte `at` on, to the nearest and ties to even; beyond its range is infinity. */
export function floatsToHalves(values: Float32Array, into: Uint8Array, at: number): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0, b = at; i < words.length; i++, b += 2) {
    const word = words[i]
    const magnitude = word & 0x7fffffff
    let half = (word >>> 16) & 0x8000
    // Normal in both: half a unit of the last place, less a bit where the last bit kept is even, carries into it.
    if (magnitude >= 0x38800000 && magnitude < 0x477ff000) {
      half |= (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13
    } else if (magnitude > 0x7f800000) half |= 0x7e00
    else if (magnitude >= 0x477ff000) half |= 0x7c00
    // At 2^-25 the smallest subnormal and zero are equally near, and zero is even.
    else if (magnitude > 0x33000000) half |= subnormal(magnitude)
    into[b] = half
    into[b + 1] = half >>> 8
  }
}

/** The nearest multiple of 2^-24: adding 0.5 makes it the last place of a float32, which rounds to the nearest, ties to even. */
function subnormal(magnitude: number): number {
  scratch[0] = magnitude
  scratchFloat[0] += 0.5
  return scratch[0] - 0x3f000000
}

const scratchFloat = new Float32Array(1)
const scratch = new Uint32Array(scratchFloat.buffer)
