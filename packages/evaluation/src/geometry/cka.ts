/**
 * Linear centred kernel alignment of two sets of vectors (Kornblith et al. 2019, "Similarity of neural network
 * representations revisited"): ‖X̃ᵀ Ỹ‖² / (‖X̃ᵀ X̃‖ ‖Ỹᵀ Ỹ‖) in Frobenius norms, 1 where one is a rotation and scaling of the
 * other. Shape letters: U users, J width.
 */
export function linearCka(x: Float32Array, y: Float32Array, dim: number): number {
  const [a, b] = [centred(x, dim), centred(y, dim)]
  return crossSquare(a, b, dim) / Math.sqrt(crossSquare(a, a, dim) * crossSquare(b, b, dim))
}

function centred(x: Float32Array, dim: number): Float64Array {
  const mean = new Float64Array(dim)
  const users = x.length / dim
  for (let i = 0; i < x.length; i++) mean[i % dim] += x[i] / users
  return Float64Array.from(x, (value, i) => value - mean[i % dim])
}

/** ‖Xᵀ Y‖² */
function crossSquare(x: Float64Array, y: Float64Array, dim: number): number {
  let total = 0
  const sums = new Float64Array(dim)
  for (let j = 0; j < dim; j++) {
    sums.fill(0)
    for (let from = 0; from < x.length; from += dim) {
      const value = x[from + j]
      if (value !== 0) for (let k = 0; k < dim; k++) sums[k] += value * y[from + k]
    }
    for (let k = 0; k < dim; k++) total += sums[k] * sums[k]
  }
  return total
}
