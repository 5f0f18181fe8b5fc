/**
 * The two principal components of vectors, by orthogonal iteration with Rayleigh–Ritz steps (Golub and Van Loan, Matrix
 * Computations, 8.2.4) in float64. It runs on the thread that answers reads, and so in slices, between which
 * others go on. N = vectors, D = their width.
 */
import { seededRandom } from '@headwater/statistics'
import { symmetricEigen } from './symmetric-eigen.ts'

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
  const mean = meanOf(vectors, dim)
  let variance = 0
  for (const vector of vectors) for (let d = 0; d < dim; d++) variance += (vector[d] - mean[d]) ** 2
  const rowsASlice = Math.max(1, Math.floor(sliceWork / (2 * dim * width)))
  let basis = startingBasis(dim, width, before)
  let values = new Float64Array(width)
  for (let iteration = 0; iteration < maxIterations && variance > 0; iteration++) {
    // Of one pass over the vectors: images of the basis under XᵀX, and XᵀX as the basis sees it.
    const images = basis.map(() => new Float64Array(dim))
    const seen = new Float64Array(width * width)
    for (let from = 0; from < vectors.length; from += rowsASlice) {
      addProducts(vectors.slice(from, from + rowsASlice), mean, basis, images, seen)
      await breathe()
    }
    const ritz = symmetricEigen(seen, width)
    const turned = orthonormal(combine(images, ritz.vectors), dim)
    // An axis of no variance has no direction that it could settle on.
    const turns = combine(basis, ritz.vectors.slice(0, 2)).map((axis, i) =>
      ritz.values[i] <= 1e-12 * ritz.values[0] ? 0 : sine(axis, turned[i]),
    )
    values = ritz.values
    basis = turned
    if (Math.max(...turns) < tolerance) break
  }
  const [first, second] = basis.slice(0, 2).map((axis, i) => signed(axis, before?.[i]))
  const share = (value: number) => (variance > 0 ? Math.max(0, value) / variance : 0)
  return { mean, axes: [first, second], shares: [share(values[0]), share(values[1])] }
}

function meanOf(vectors: readonly Float32Array[], dim: number): Float64Array {
  const mean = new Float64Array(dim)
  for (const vector of vectors) for (let d = 0; d < dim; d++) mean[d] += vector[d] / vectors.length
  return mean
}

function startingBasis(dim: number, width: number, before: PrincipalComponents['axes'] | undefined): Float64Array[] {
  const random = seededRandom(1)
  const start = Array.from({ length: width }, (_, i) => {
    const known = before?.[i]
    if (known !== undefined && known.length === dim) return known.slice()
    return Float64Array.from({ length: dim }, () => random.nextFloat() - 0.5)
  })
  return orthonormal(start, dim)
}

function addProducts(
  vectors: readonly Float32Array[],
  mean: Float64Array,
  basis: readonly Float64Array[],
  images: readonly Float64Array[],
  seen: Float64Array,
): void {
  const width = basis.length
  const onBasis = new Float64Array(width)
  for (const vector of vectors) {
    for (let b = 0; b < width; b++) {
      let sum = 0
      const direction = basis[b]
      for (let d = 0; d < vector.length; d++) sum += (vector[d] - mean[d]) * direction[d]
      onBasis[b] = sum
    }
    for (let b = 0; b < width; b++) {
      const image = images[b]
      const weight = onBasis[b]
      for (let d = 0; d < vector.length; d++) image[d] += (vector[d] - mean[d]) * weight
      for (let c = 0; c < width; c++) seen[b * width + c] += weight * onBasis[c]
    }
  }
}

function combine(vectors: readonly Float64Array[], weights: readonly Float64Array[]): Float64Array[] {
  return weights.map((each) => {
    const sum = new Float64Array(vectors[0].length)
    for (const [v, vector] of vectors.entries()) for (let d = 0; d < sum.length; d++) sum[d] += each[v] * vector[d]
    return sum
  })
}

/** Gram–Schmidt, twice; a vector that vanishes, as the rank is lower, is replaced by a unit vector. */
function orthonormal(vectors: readonly Float64Array[], dim: number): Float64Array[] {
  const done: Float64Array[] = []
  for (const vector of vectors) {
    let next = vector
    const length = Math.sqrt(dot(vector, vector))
    for (let unit = 0; ; unit++) {
      for (let pass = 0; pass < 2; pass++) {
        for (const other of done) {
          const along = dot(next, other)
          for (let d = 0; d < dim; d++) next[d] -= along * other[d]
        }
      }
      const left = Math.sqrt(dot(next, next))
      if (left > 1e-10 * (unit === 0 ? length : 1)) {
        for (let d = 0; d < dim; d++) next[d] /= left
        break
      }
      next = new Float64Array(dim)
      next[unit] = 1
    }
    done.push(next)
  }
  return done
}

/** Of the angle between two unit vectors, whichever way they point. */
function sine(a: Float64Array, b: Float64Array): number {
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
