import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import type { Vectors } from './vector-change.ts'

/**
 * Effective rank (Roy and Vetterli 2007): the exponential of the entropy of the covariance's spectrum, in which each eigenvalue counts
 * by its share. As many directions of equal spread as would tell users apart as evenly; 1 where one has it all, or nothing spreads.
 * Shape letters: U users, D width.
 * @param vectors [U, D]
 */
export function effectiveRank(vectors: Vectors, dim: number): number {
  const centred = Matrix.from1DArray(vectors.length / dim, dim, vectors).center('column')
  // Both products have the same spectrum but for zeros.
  const product = centred.rows < dim ? centred.mmul(centred.transpose()) : centred.transpose().mmul(centred)
  const { realEigenvalues } = new EigenvalueDecomposition(product, { assumeSymmetric: true })
  const spread = realEigenvalues.reduce((sum, value) => sum + Math.max(0, value), 0)
  if (spread === 0) return 1
  const shares = realEigenvalues.map((value) => value / spread).filter((share) => share > 0)
  return Math.exp(-shares.reduce((sum, share) => sum + share * Math.log(share), 0))
}
