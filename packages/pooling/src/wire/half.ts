/** IEEE 754 binary16 to binary32 by a table of all patterns. It imports nothing, so that browsers can use it. */

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
