import { EigenvalueDecomposition, Matrix } from 'ml-matrix'

/**
 * Places of vectors in the plane of the two directions in which they spread most.
 * Shape letters: N vectors, J width.
 * @param vectors [N, J] @returns [N, 2]
 */
export function principalPlane(vectors: Float32Array, dim: number): Float64Array {
  const centred = Matrix.from1DArray(vectors.length / dim, dim, vectors).center('column')
  // Eigenvalues of a symmetric matrix come in ascending order.
  const { eigenvectorMatrix } = new EigenvalueDecomposition(centred.transpose().mmul(centred), {
    assumeSymmetric: true,
  })
  return Float64Array.from(centred.mmul(eigenvectorMatrix.subMatrixColumn([dim - 1, dim - 2])).to1DArray())
}
