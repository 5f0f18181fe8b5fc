/**
 * A copy of a strided matrix with zeros in its gaps, where a gradient is zero and a backward kernel writes nothing.
 * Offset, stride and width count elements of the array.
 */
export function rowsOnly(
  array: Float64Array | Uint32Array,
  offset: number,
  stride: number,
  rows: number,
  width: number,
): Float64Array {
  const kept = new Float64Array(array.length)
  for (let r = 0; r < rows; r++) {
    const at = offset + r * stride
    kept.set(array.subarray(at, at + width), at)
  }
  return kept
}
