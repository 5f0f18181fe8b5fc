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
