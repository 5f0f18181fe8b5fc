/**
 * How vectors of the same users change. Embeddings share most of their length: a cosine of whole vectors is near 1 whatever becomes of
 * what tells users apart. So each side is taken less its mean. Shape letters: U users, D width.
 */
import { StatisticsError } from '../sample/statistics-error.ts'

/** [U, D], row by row. */
export type Vectors = Float32Array | Float64Array

export interface VectorChange {
  readonly users: number
  /** ‖after − before‖ ÷ ‖before − its mean‖, Frobenius: 0 where they agree, about √2 where they have nothing in common. */
  readonly residual: number
  /** Mean over users of the cosine between both vectors, each less the mean of its side. */
  readonly centredCosine: number
  /**
   * Squared correlation of both sides, each less its mean, over all numbers: the share of the variance of one that the other gives
   * by a common scale. A residual without a loss here is a spread that grew or a mean that moved.
   */
  readonly varianceKept: number
}

/** @throws StatisticsError for unequal lengths or no user */
export function vectorChange(before: Vectors, after: Vectors, dim: number): VectorChange {
  if (before.length !== after.length || before.length === 0 || before.length % dim !== 0)
    throw new StatisticsError(
      `${before.length} and ${after.length} numbers are not vectors of ${dim} of the same users`,
    )
  const users = before.length / dim
  const [oldMean, newMean] = [before, after].map((vectors) => meanVector(vectors, dim))
  let moved = 0
  let cosines = 0
  const all = { dot: 0, old: 0, new: 0 }
  for (let u = 0; u < users; u++) {
    const own = { dot: 0, old: 0, new: 0 }
    for (let d = 0; d < dim; d++) {
      const [x, y] = [before[u * dim + d], after[u * dim + d]]
      const [a, b] = [x - oldMean[d], y - newMean[d]]
      own.dot += a * b
      own.old += a * a
      own.new += b * b
      moved += (y - x) ** 2
    }
    cosines += correlation(own)
    all.dot += own.dot
    all.old += own.old
    all.new += own.new
  }
  // Vectors that are all the same tell users apart in no way; moved or not is all that is left to say.
  const unspread = moved === 0 ? 0 : Number.MAX_VALUE
  return {
    users,
    residual: all.old === 0 ? unspread : Math.sqrt(moved / all.old),
    centredCosine: cosines / users,
    varianceKept: correlation(all) ** 2,
  }
}

/** Zeros have no direction: they count as equal to zeros and as at right angles to all else. */
function correlation(sums: { readonly dot: number; readonly old: number; readonly new: number }): number {
  const squares = sums.old * sums.new
  if (squares > 0) return Math.max(-1, Math.min(1, sums.dot / Math.sqrt(squares)))
  return sums.old === sums.new ? 1 : 0
}

/** [D] */
export function meanVector(vectors: Vectors, dim: number): Float64Array {
  const mean = new Float64Array(dim)
  for (let i = 0; i < vectors.length; i++) mean[i % dim] += vectors[i]
  return mean.map((sum) => sum / (vectors.length / dim))
}
