import { halfToFloat } from '@headwater/binary16'
import { readFloat32 } from './little-endian.ts'
import type { CodecName } from './vector-codec.ts'

/**
 * Weighted sum of vectors straight from their codec's bytes, Σ weights[v] · x_v, accumulated in float64 and rounded once.
 * Give weights that sum to 1 for an average.
 *
 * @param offsets byte at which each vector starts in `bytes`
 * @param dim length of every vector
 * @param into receives `dim` values
 */
export function weightedAverage(
  bytes: Uint8Array,
  offsets: readonly number[],
  weights: readonly number[],
  dim: number,
  into: Float32Array,
  codec: CodecName,
): void {
  if (codec === 'int8') averageInt8(bytes, offsets, weights, dim, into)
  else if (offsets.length === 3) averageThree(bytes, offsets, weights, dim, into)
  else {
    for (let i = 0; i < dim; i++) {
      let sum = 0
      for (let v = 0; v < offsets.length; v++) {
        const b = offsets[v] + 2 * i
        sum += weights[v] * halfToFloat(bytes[b] | (bytes[b + 1] << 8))
      }
      into[i] = sum
    }
  }
}

/** The paper's number of vectors, without the inner loop: half the time. */
function averageThree(
  bytes: Uint8Array,
  [a, b, c]: readonly number[],
  [p, q, r]: readonly number[],
  dim: number,
  into: Float32Array,
): void {
  for (let i = 0; i < dim; i++) {
    const j = 2 * i
    into[i] =
      p * halfToFloat(bytes[a + j] | (bytes[a + j + 1] << 8)) +
      q * halfToFloat(bytes[b + j] | (bytes[b + j + 1] << 8)) +
      r * halfToFloat(bytes[c + j] | (bytes[c + j + 1] << 8))
  }
}

/** A vector's scale goes into its weight, so that each value costs one multiplication. */
function averageInt8(
  bytes: Uint8Array,
  offsets: readonly number[],
  weights: readonly number[],
  dim: number,
  into: Float32Array,
): void {
  const factors = offsets.map((offset, v) => weights[v] * readFloat32(bytes, offset))
  for (let i = 0; i < dim; i++) {
    let sum = 0
    for (let v = 0; v < offsets.length; v++) sum += factors[v] * ((bytes[offsets[v] + 4 + i] << 24) >> 24)
    into[i] = sum
  }
}
