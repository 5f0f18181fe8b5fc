/**
 * The two directions in which vectors spread most, by power iteration on their covariance, and the vectors' places in that
 * plane. Shape letters: N vectors, J width.
 */
const iterations = 60

/** @param vectors [N, J] @returns [N, 2] */
export function principalPlane(vectors: Float32Array, dim: number): Float64Array {
  const count = vectors.length / dim
  const mean = new Float64Array(dim)
  for (let i = 0; i < vectors.length; i++) mean[i % dim] += vectors[i] / count
  const first = direction(vectors, mean, dim, null)
  const second = direction(vectors, mean, dim, first)
  const places = new Float64Array(count * 2)
  for (let n = 0; n < count; n++)
    for (let d = 0; d < dim; d++) {
      const value = vectors[n * dim + d] - mean[d]
      places[2 * n] += value * first[d]
      places[2 * n + 1] += value * second[d]
    }
  return places
}

/** @param against a direction to be at right angles to */
function direction(vectors: Float32Array, mean: Float64Array, dim: number, against: Float64Array | null): Float64Array {
  let found = Float64Array.from({ length: dim }, (_, d) => 1 + d / dim)
  for (let i = 0; i < iterations; i++) {
    const next = new Float64Array(dim)
    for (let from = 0; from < vectors.length; from += dim) {
      let dot = 0
      for (let d = 0; d < dim; d++) dot += (vectors[from + d] - mean[d]) * found[d]
      for (let d = 0; d < dim; d++) next[d] += dot * (vectors[from + d] - mean[d])
    }
    if (against !== null) {
      const along = next.reduce((sum, value, d) => sum + value * against[d], 0)
      for (let d = 0; d < dim; d++) next[d] -= along * against[d]
    }
    const norm = Math.hypot(...next)
    if (norm === 0) return next
    found = next.map((value) => value / norm)
  }
  return found
}
