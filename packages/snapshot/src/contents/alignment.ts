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

/** W Wᵀ ÷ s² is the identity to within this, float32 entries rounded from float64 ones. */
const tolerance = 1e-4

/** s² of a map whose W is a rotation times a scale s, as Procrustes makes it; null of any other map. */
export function scaleSquare({ dim, weight }: AffineMap): number | null {
  const dotOf = (i: number, k: number) => {
    let dot = 0
    for (let j = 0; j < dim; j++) dot += weight[i * dim + j] * weight[k * dim + j]
    return dot
  }
  const square = dotOf(0, 0)
  if (!(square > 0)) return null
  for (let i = 0; i < dim; i++)
    for (let k = 0; k <= i; k++) if (Math.abs(dotOf(i, k) / square - (i === k ? 1 : 0)) > tolerance) return null
  return square
}

/**
 * From the published coordinates back to the tower's own: x = y Wᵀ ÷ s² − b Wᵀ ÷ s². Summed in float64.
 * @returns null where W is no rotation times a scale: it may have no inverse
 */
export function inverseAlignment(map: AffineMap): AffineMap | null {
  const square = scaleSquare(map)
  if (square === null) return null
  const { dim, weight, bias } = map
  const back = new Float32Array(dim * dim)
  const shift = new Float64Array(dim)
  for (let i = 0; i < dim; i++)
    for (let j = 0; j < dim; j++) {
      back[j * dim + i] = weight[i * dim + j] / square
      shift[i] -= (bias[j] * weight[i * dim + j]) / square
    }
  return { dim, weight: back, bias: new Float32Array(shift) }
}
