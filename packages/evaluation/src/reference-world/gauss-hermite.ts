import { EigenvalueDecomposition, Matrix } from 'ml-matrix'

/**
 * Nodes x, the largest first, and weights w of Gauss–Hermite quadrature for the standard normal: E f(z) ≈ Σ w f(x), exact for
 * polynomials up to degree 2n − 1. Eigenvalues of the recurrence's matrix, and squares of their vectors' first entries (Golub and
 * Welsch 1969).
 */
export function gaussHermite(nodes: number): { readonly x: Float64Array; readonly w: Float64Array } {
  const recurrence = Matrix.zeros(nodes, nodes)
  for (let i = 1; i < nodes; i++) {
    recurrence.set(i, i - 1, Math.sqrt(i))
    recurrence.set(i - 1, i, Math.sqrt(i))
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(recurrence, { assumeSymmetric: true })
  const [first] = eigenvectorMatrix.to2DArray()
  return {
    x: Float64Array.from(realEigenvalues).reverse(),
    w: Float64Array.from(first, (entry) => entry * entry).reverse(),
  }
}
