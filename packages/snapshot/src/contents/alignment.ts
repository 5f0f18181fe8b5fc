/**
 * The affine map between a tower's own coordinates and those that are published: y = x W + b over the joint vector.
 * Shape letters: R rows, J = K·D numbers of a user's embeddings.
 */
import { decodeSafetensors, encodeSafetensors } from '../files/safetensors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'

export interface AffineMap {
  /** J */
  readonly dim: number
  /** W [J, J] */
  readonly weight: Float32Array
  /** b [J] */
  readonly bias: Float32Array
}

/** @throws SafetensorsError for values that are not finite. */
export function encodeAlignment({ dim, weight, bias }: AffineMap): Uint8Array {
  return encodeSafetensors(
    [
      { name: 'alignment.weight', rows: dim, cols: dim, data: weight },
      { name: 'alignment.bias', rows: 1, cols: dim, data: bias },
    ],
    {},
  )
}

/** @throws SafetensorsError, or SnapshotError where it is no map of one width. */
export function decodeAlignment(file: Uint8Array, source: string): AffineMap {
  const matrices = decodeSafetensors(file, source)
  const weight = matrices.get('alignment.weight')
  const bias = matrices.get('alignment.bias')
  if (!weight || weight.rows !== weight.cols || bias?.rows !== 1 || bias.cols !== weight.cols)
    throw new SnapshotError(`${source}: needs alignment.weight [J, J] and alignment.bias [1, J]. Publish it again.`)
  return { dim: weight.cols, weight: weight.data, bias: bias.data }
}

/** Rows of W over their norms are orthogonal to within this, float32 entries rounded from float64 ones. */
const tolerance = 1e-4

/**
 * Squared norms s_i² of the rows of W where these are orthogonal, as those of a rotation times a scale are, and of blocks of such; null
 * where they are not.
 */
function rowSquares({ dim, weight }: AffineMap): Float64Array | null {
  const dotOf = (i: number, k: number) => {
    let dot = 0
    for (let j = 0; j < dim; j++) dot += weight[i * dim + j] * weight[k * dim + j]
    return dot
  }
  const squares = Float64Array.from({ length: dim }, (_, i) => dotOf(i, i))
  for (let i = 0; i < dim; i++) {
    if (!(squares[i] > 0)) return null
    for (let k = 0; k < i; k++) if (Math.abs(dotOf(i, k)) > tolerance * Math.sqrt(squares[i] * squares[k])) return null
  }
  return squares
}

/**
 * From the published coordinates back to the tower's own: x_i = (y − b) · W_i ÷ ‖W_i‖², W_i being row i. Summed in float64.
 * @returns null where W is neither a rotation times a scale nor made of blocks of such: it may have no inverse
 */
export function inverseAlignment(map: AffineMap): AffineMap | null {
  const squares = rowSquares(map)
  if (squares === null) return null
  const { dim, weight, bias } = map
  const back = new Float32Array(dim * dim)
  const shift = new Float64Array(dim)
  for (let i = 0; i < dim; i++)
    for (let j = 0; j < dim; j++) {
      back[j * dim + i] = weight[i * dim + j] / squares[i]
      shift[i] -= (bias[j] * weight[i * dim + j]) / squares[i]
    }
  return { dim, weight: back, bias: new Float32Array(shift) }
}
