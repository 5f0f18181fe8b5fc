import { halfToFloat } from '../codec/half.ts'

/**
 * Weighted sum of fp16 vectors straight from their bytes, Σ weights[v] · x_v, accumulated in float64 and rounded once.
 * Give weights that sum to 1 for an average.
 *
 * @param offsets byte at which each vector starts in `bytes`
 * @param dim length of every vector
 * @param into receives `dim` values from place `at`
 */
export function weightedAverage(
  bytes: Uint8Array,
  offsets: readonly number[],
  weights: readonly number[],
  dim: number,
  into: Float32Array,
  at = 0,
): void {
  for (let i = 0; i < dim; i++) {
    let sum = 0
    for (let v = 0; v < offsets.length; v++) {
      const b = offsets[v] + 2 * i
      sum += weights[v] * halfToFloat(bytes[b] | (bytes[b + 1] << 8))
    }
    into[at + i] = sum
  }
}
