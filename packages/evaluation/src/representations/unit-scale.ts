/**
 * Brings vectors to the size of the tower's numbers, so that models of fixed learning rates can use them as well:
 *   v ↦ (v − mean) ÷ s,  s² = mean over users and numbers of (v − mean)²
 * One s for all numbers keeps their proportions, and with them how much is known of a user.
 * @param vectors of all users that are known, [W]; none leaves vectors as they are, and so does what is the same for all
 */
export function unitScale(vectors: readonly Float64Array[], dim: number): (vector: Float64Array) => Float64Array {
  const mean = new Float64Array(dim)
  for (const vector of vectors) for (let k = 0; k < dim; k++) mean[k] += vector[k] / vectors.length
  let squares = 0
  for (const vector of vectors) for (let k = 0; k < dim; k++) squares += (vector[k] - mean[k]) ** 2
  const scale = squares === 0 ? 1 : Math.sqrt((vectors.length * dim) / squares)
  return (vector) => vector.map((value, k) => scale * (value - mean[k]))
}
