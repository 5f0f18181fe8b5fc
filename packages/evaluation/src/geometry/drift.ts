/** How far the same users' embeddings move from one snapshot to the next, on identical features. Shape: U users, D width. */

export interface Drift {
  readonly users: number
  /** Mean cosine between a user's two vectors. */
  readonly cosine: number
  /** Mean of ‖new − old‖ ÷ ‖old‖. */
  readonly relativeL2: number
}

/** @param before [U, D] @param after [U, D] */
export function drift(before: Float32Array, after: Float32Array, dim: number): Drift {
  const users = before.length / dim
  let cosine = 0
  let relativeL2 = 0
  for (let u = 0; u < users; u++) {
    let dot = 0
    let oldSquare = 0
    let newSquare = 0
    let moved = 0
    for (let i = u * dim; i < (u + 1) * dim; i++) {
      dot += before[i] * after[i]
      oldSquare += before[i] ** 2
      newSquare += after[i] ** 2
      moved += (after[i] - before[i]) ** 2
    }
    cosine += dot / Math.sqrt(oldSquare * newSquare) / users
    relativeL2 += Math.sqrt(moved / oldSquare) / users
  }
  return { users, cosine, relativeL2 }
}
