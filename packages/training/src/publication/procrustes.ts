/**
 * Centred orthogonal Procrustes (Schönemann 1966, "A generalized solution of the orthogonal Procrustes problem"): the
 * rotation or reflection W and the shift b for which ‖X W + b − Y‖ is least.
 *   SVD(X̃ᵀ Ỹ) = U S Vᵀ,  W = U Vᵀ,  b = mean(Y) − mean(X) W,  X̃ and Ỹ centred.
 * Shape letters: U users, J width of a vector.
 */
import { Matrix, SingularValueDecomposition } from 'ml-matrix'

/** y = x W + b in float64. */
export interface Rotation {
  readonly dim: number
  /** W [J, J], orthogonal, but for a common scale of `withSpreadOf` */
  readonly weight: Float64Array
  /** b [J] */
  readonly bias: Float64Array
}

/** Vectors that no rotation can be fitted to. */
export class ProcrustesError extends Error {
  override readonly name = 'ProcrustesError'
}

type Vectors = Float32Array | Float64Array

const notFinite = 'Vectors hold NaN or infinite values: training diverged. Lower its rates.'

/** Singular values below this share of the largest say nothing: f32 vectors leave noise of about 1e-14 there. */
const rankTolerance = 1e-10

const matrixOf = (vectors: Vectors, dim: number) => Matrix.from1DArray(vectors.length / dim, dim, vectors)

const svd = (matrix: Matrix) => new SingularValueDecomposition(matrix, { autoTranspose: false })

/**
 * U Vᵀ of X̃ᵀ Ỹ. Directions that the vectors do not reach (each layer-normalized block has one, constant features and few
 * users make more) leave W undetermined; there it is chosen closest to `prior`, so that they stay where they were.
 */
function orthogonalFactor(covariance: Matrix, prior: Matrix): Matrix {
  const dim = covariance.rows
  const { leftSingularVectors: U, rightSingularVectors: V, diagonal } = svd(covariance)
  const rank = diagonal.filter((value) => value > rankTolerance * diagonal[0]).length
  if (rank === dim) return U.mmul(V.transpose())
  const part = (matrix: Matrix, from: number, to: number) => matrix.subMatrix(0, dim - 1, from, to - 1)
  const freeU = part(U, rank, dim)
  const freeV = part(V, rank, dim)
  const inner = svd(freeU.transpose().mmul(prior).mmul(freeV))
  const free = freeU
    .mmul(inner.leftSingularVectors)
    .mmul(inner.rightSingularVectors.transpose())
    .mmul(freeV.transpose())
  return rank === 0
    ? free
    : part(U, 0, rank)
        .mmul(part(V, 0, rank).transpose())
        .add(free)
}

/**
 * @param x [U, J] @param y [U, J] of the same users
 * @param prior [J, J], the rotation to stay near where the vectors leave it open; the identity by default
 * @throws ProcrustesError for unequal lengths, no user, or values that are not finite
 */
export function procrustes(x: Vectors, y: Vectors, dim: number, prior?: Vectors): Rotation {
  if (x.length !== y.length || x.length === 0 || x.length % dim !== 0)
    throw new ProcrustesError(`${x.length} and ${y.length} numbers are not vectors of ${dim} of the same users.`)
  if (!x.every(Number.isFinite) || !y.every(Number.isFinite)) throw new ProcrustesError(notFinite)
  const [X, Y] = [matrixOf(x, dim), matrixOf(y, dim)]
  const [xMean, yMean] = [X.mean('column'), Y.mean('column')]
  const near = prior ? matrixOf(prior, dim) : Matrix.eye(dim)
  const covariance = X.center('column', { center: xMean })
    .transpose()
    .mmul(Y.center('column', { center: yMean }))
  const W = orthogonalFactor(covariance, near)
  const bias = Matrix.rowVector(yMean).sub(Matrix.rowVector(xMean).mmul(W))
  return { dim, weight: Float64Array.from(W.to1DArray()), bias: Float64Array.from(bias.to1DArray()) }
}

/**
 * The rotation alone, of pairs of vectors that a shift would change the meaning of; each pair weighs alike, whatever its vectors' size.
 * @param pairs x and y of each, [N, J] of as many rows
 * @param prior [J, J], as of `procrustes`
 * @returns R [J, J] for which Σ ‖x R − y‖² ÷ (‖x‖ ‖y‖) is least
 * @throws ProcrustesError for values that are not finite
 */
export function turn(
  pairs: readonly { readonly x: Vectors; readonly y: Vectors }[],
  dim: number,
  prior?: Vectors,
): Float64Array {
  const covariance = Matrix.zeros(dim, dim)
  for (const { x, y } of pairs) {
    const [X, Y] = [matrixOf(x, dim), matrixOf(y, dim)]
    const size = X.norm() * Y.norm()
    if (!Number.isFinite(size)) throw new ProcrustesError(notFinite)
    if (size > 0)
      covariance.add(
        X.transpose()
          .mmul(Y)
          .mul(1 / size),
      )
  }
  const near = prior ? matrixOf(prior, dim) : Matrix.eye(dim)
  return Float64Array.from(orthogonalFactor(covariance, near).to1DArray())
}

/**
 * The same with x brought to the spread of y: s W in place of W, s = ‖Ỹ‖ ÷ ‖X̃‖. A tower that has just begun to tell users apart spreads
 * their vectors further with every round, along the same directions, which no rotation follows.
 * @param x [U, J] @param y [U, J], as `procrustes` got them
 */
export function withSpreadOf(x: Vectors, y: Vectors, { dim, weight, bias }: Rotation): Rotation {
  const [X, Y] = [x, y].map((vectors) => matrixOf(vectors, dim))
  const yMean = Y.mean('column')
  const s = Y.center('column').norm() / X.center('column').norm()
  if (!(s > 0 && Number.isFinite(s))) return { dim, weight, bias }
  return { dim, weight: weight.map((w) => s * w), bias: bias.map((b, j) => yMean[j] - s * (yMean[j] - b)) }
}

/** x W + b of vectors [U, J], in float64. */
export function rotate(
  vectors: Vectors,
  { dim, weight, bias }: { readonly dim: number; readonly weight: Vectors; readonly bias: Vectors },
): Float64Array {
  return Float64Array.from(matrixOf(vectors, dim).mmul(matrixOf(weight, dim)).addRowVector(bias).to1DArray())
}
