/**
 * The affine map between a tower's own coordinates and those that are published: y = x W + b over the joint vector.
 * Shape letters: R rows, J = K·D numbers of a user's embeddings.
 */
import type { GpuDevice } from '@headwater/gpu'
import type { BindingLimits } from '@headwater/kernels'
import { declareLinear, type Linear, linearForward } from '../layers/linear.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import type { Recorder } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'
import { SnapshotError } from './snapshot-error.ts'

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

/**
 * A linear layer with the map behind it, as one linear layer: y = (h V + c) W + b = h (V W) + (c W + b). Summed in float64.
 * @param weight V [in, J] @param bias c [J]
 */
export function foldAlignment(
  weight: Float32Array,
  bias: Float32Array,
  map: AffineMap,
): { readonly weight: Float32Array; readonly bias: Float32Array } {
  const { dim } = map
  const folded = new Float32Array(weight.length)
  const row = new Float64Array(dim)
  const fold = (from: Float32Array, at: number, into: Float32Array) => {
    for (let i = 0; i < dim; i++) {
      const factor = from[at + i]
      for (let j = 0; j < dim; j++) row[j] += factor * map.weight[i * dim + j]
    }
    into.set(row, at)
  }
  for (let at = 0; at < weight.length; at += dim) {
    row.fill(0)
    fold(weight, at, folded)
  }
  const foldedBias = new Float32Array(dim)
  row.set(map.bias)
  fold(bias, 0, foldedBias)
  return { weight: folded, bias: foldedBias }
}

/** An affine map on a device, to be recorded behind a user tower. */
export class AlignmentLayer {
  readonly #weights: Weights
  readonly #linear: Linear

  /** @param device null: laid out only, to be recorded with and counted */
  constructor(device: GpuDevice | null, { dim, weight, bias }: AffineMap, limits: BindingLimits) {
    const set = new ParameterSet()
    this.#linear = declareLinear(set, 'alignment', dim, dim)
    if (!device) {
      this.#weights = new Weights(null, set, false, limits)
      return
    }
    this.#weights = new Weights(device, set, false, limits)
    this.#weights.write('alignment.weight', weight)
    this.#weights.write('alignment.bias', bias)
  }

  /** Every buffer, with its size. */
  get sizes(): Weights['sizes'] {
    return this.#weights.sizes
  }

  /** @param x [R, J] @param y [R, J] */
  forward(rec: Recorder, x: Tensor, y: Tensor): void {
    linearForward(rec, this.#weights, this.#linear, x, y)
  }

  dispose(): void {
    this.#weights.dispose()
  }
}
