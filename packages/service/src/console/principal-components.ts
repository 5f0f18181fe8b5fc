/**
 * The two principal components of vectors, by orthogonal iteration with Rayleigh–Ritz steps (Golub and Van Loan, Matrix
 * Computations, 8.2.4) in float64. It runs on the thread that answers reads, and so in slices, between which
 * others go on. N = vectors, D = their width.
 */
import { seededRandom } from '@headwater/statistics'
import { EigenvalueDecomposition, Matrix, QrDecomposition } from 'ml-matrix'

export interface PrincipalComponents {
  /** [D] */
  readonly mean: Float64Array
  /** [D] each, of length 1 and at right angles; the first has the most variance. */
  readonly axes: readonly [Float64Array, Float64Array]
  /** Part of all variance along each axis; 0 where there is none. */
  readonly shares: readonly [number, number]
}

/** More directions than are wanted: they take up close eigenvalues, which would slow the two down. */
const block = 6
const maxIterations = 200
/** Sine of the angle that an axis may turn by in the last step. */
const tolerance = 1e-9
/** Multiplications between two breaths. */
const sliceWork = 2 ** 18

/**
 * @param vectors at least two, each [D], D ≥ 2
 * @param before axes to begin at, whose signs are kept, so that a picture of them does not jump
 */
export async function principalComponents(
  vectors: readonly Float32Array[],
  before?: PrincipalComponents['axes'],
): Promise<PrincipalComponents> {
  const dim = vectors[0].length
  const width = Math.min(block, dim)
  const rows = new Matrix(vectors.map((vector) => Float64Array.from(vector)))
  const mean = Float64Array.from(rows.mean('column'))
  const centred = rows.subRowVector(mean)
  const variance = centred.norm() ** 2
  const rowsASlice = Math.max(1, Math.floor(sliceWork / (2 * dim * width)))
  // Directions are columns.
  let basis = startingBasis(dim, width, before)
  let values: readonly number[] = [0, 0]
  for (let iteration = 0; iteration < maxIterations && variance > 0; iteration++) {
    // Of one pass over the vectors: images of the basis under XᵀX, and XᵀX as the basis sees it.
    const images = Matrix.zeros(dim, width)
    const seen = Matrix.zeros(width, width)
    for (let from = 0; from < vectors.length; from += rowsASlice) {
      const slice = centred.subMatrix(from, Math.min(from + rowsASlice, vectors.length) - 1, 0, dim - 1)
      const onBasis = slice.mmul(basis)
      images.add(slice.transpose().mmul(onBasis))
      seen.add(onBasis.transpose().mmul(onBasis))
      await breathe()
    }
    const ritz = new EigenvalueDecomposition(seen, { assumeSymmetric: true })
    // The largest first.
    values = ritz.realEigenvalues.toReversed()
    const towards = ritz.eigenvectorMatrix.flipRows()
    const turned = orthonormal(images.mmul(towards))
    // An axis of no variance has no direction that it could settle on.
    const turns = columnsOf(basis.mmul(towards)).map((axis, i) =>
      values[i] <= 1e-12 * values[0] ? 0 : sine(axis, turned.getColumn(i)),
    )
    basis = turned
    if (Math.max(...turns) < tolerance) break
  }
  const [first, second] = columnsOf(basis).map((axis, i) => signed(axis, before?.[i]))
  const share = (value: number) => (variance > 0 ? Math.max(0, value) / variance : 0)
  return { mean, axes: [first, second], shares: [share(values[0]), share(values[1])] }
}

function startingBasis(dim: number, width: number, before: PrincipalComponents['axes'] | undefined): Matrix {
  const random = seededRandom(1)
  const start = Array.from({ length: width }, (_, i) => {
    const known = before?.[i]
    if (known !== undefined && known.length === dim) return known
    return Float64Array.from({ length: dim }, () => random.nextFloat() - 0.5)
  })
  return orthonormal(new Matrix(start).transpose())
}

/** Columns of length 1 at right angles that span what these do, and more where the rank is lower. */
const orthonormal = (columns: Matrix) => new QrDecomposition(columns).orthogonalMatrix

const columnsOf = (matrix: Matrix) => [0, 1].map((i) => Float64Array.from(matrix.getColumn(i)))

/** Of the angle between two unit vectors, whichever way they point. */
function sine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const sign = dot(a, b) < 0 ? -1 : 1
  let square = 0
  for (let d = 0; d < a.length; d++) square += (a[d] - sign * b[d]) ** 2
  return Math.sqrt(square)
}

/** As the axis before points, or with its largest entry positive. */
function signed(axis: Float64Array, before: Float64Array | undefined): Float64Array {
  let along = before === undefined || before.length !== axis.length ? 0 : dot(axis, before)
  if (along === 0) for (const value of axis) if (Math.abs(value) > Math.abs(along)) along = value
  return along < 0 ? axis.map((value) => -value) : axis
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let d = 0; d < a.length; d++) sum += a[d] * b[d]
  return sum
}

const breathe = () => new Promise<void>((resolve) => setImmediate(resolve))
