/**
 * Vectors in eight bits, symmetric: a binary32 scale, then D signed bytes q in −127 … 127; a value is scale · q. D = dim.
 *
 * Rounding moves a value by half a scale at most, and the scale is the largest magnitude / 127. So a decoded vector lies at
 * an angle of sine √D / 254 at most to the one encoded, whatever its values.
 */
import { readFloat32, writeFloat32 } from './little-endian.ts'

const largest = 127
/** As fp16's, which the pooled vector of a ring is held in. */
const largestValue = 65_504

/**
 * Encodes `values[from …]`, `dim` of them, to the 4 + `dim` bytes that start at `offset`.
 *
 * @returns the place, counted from `from`, of the first value that is not finite or beyond 65,504, or −1
 */
export function encodeInt8(values: Float32Array, from: number, dim: number, bytes: Uint8Array, offset: number): number {
  let magnitude = 0
  for (let i = 0; i < dim; i++) {
    const each = Math.abs(values[from + i])
    if (!(each <= largestValue)) return i
    if (each > magnitude) magnitude = each
  }
  writeFloat32(bytes, offset, magnitude / largest)
  // As it is held, so that the rounding of the scale adds no error.
  const scale = readFloat32(bytes, offset)
  for (let i = 0, b = offset + 4; i < dim; i++, b++) {
    const value = values[from + i]
    // A scale of 0 is that of a vector below the smallest binary32 / 127, which is held as zero.
    const steps = scale === 0 ? 0 : Math.min(largest, Math.round(Math.abs(value) / scale))
    bytes[b] = value < 0 ? -steps : steps
  }
  return -1
}

/** Decodes the `dim` values that start, with their scale, at byte `offset` into `into[at …]`. */
export function decodeInt8(bytes: Uint8Array, offset: number, dim: number, into: Float32Array, at: number): void {
  const scale = readFloat32(bytes, offset)
  for (let i = 0, b = offset + 4; i < dim; i++, b++) into[at + i] = scale * ((bytes[b] << 24) >> 24)
}
