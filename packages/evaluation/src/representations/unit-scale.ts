/**
 * Brings vectors to the size of the tower's numbers, so that models of fixed learning rates can use them as well:
 *   v ↦ (v − mean) ÷ s,  s² = mean over users and numbers of (v − mean)²
 * One s for all numbers keeps their proportions, and with them how much is known of a user.
 * Shape letters: W numbers of a vector.
 */
export class UnitScale {
  readonly #mean: Float64Array
  readonly #scale: number

  /** @param vectors of all users that are known; none leaves vectors as they are, and so does what is the same for all */
  constructor(vectors: readonly Float64Array[], dim: number) {
    this.#mean = new Float64Array(dim)
    for (const vector of vectors) for (let k = 0; k < dim; k++) this.#mean[k] += vector[k] / vectors.length
    let squares = 0
    for (const vector of vectors) for (let k = 0; k < dim; k++) squares += (vector[k] - this.#mean[k]) ** 2
    this.#scale = squares === 0 ? 1 : Math.sqrt((vectors.length * dim) / squares)
  }

  apply(vector: Float64Array): Float64Array {
    return vector.map((value, k) => this.#scale * (value - this.#mean[k]))
  }
}
