import { Matrix } from 'ml-matrix'

/**
 * Linear centred kernel alignment of two sets of vectors (Kornblith et al. 2019, "Similarity of neural network
 * representations revisited"): ‖X̃ᵀ Ỹ‖² / (‖X̃ᵀ X̃‖ ‖Ỹᵀ Ỹ‖) in Frobenius norms, 1 where one is a rotation and scaling of the
 * other. Shape letters: U users, J width.
 */
export function linearCka(x: Float32Array, y: Float32Array, dim: number): number {
  const [a, b] = [x, y].map((own) => Matrix.from1DArray(own.length / dim, dim, own).center('column'))
  const norm = (left: Matrix, right: Matrix) => left.transpose().mmul(right).norm()
  return norm(a, b) ** 2 / (norm(a, a) * norm(b, b))
}
