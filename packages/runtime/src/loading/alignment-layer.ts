/**
 * The affine map between a tower's own coordinates and those that are published, y = x W + b over the joint vector, as a
 * layer of its own or folded into the layer before it. Shape letters: R rows, J = K·D numbers of a user's embeddings.
 */

import type { GpuDevice } from '@headwater/gpu'
import type { BindingLimits } from '@headwater/kernels'
import type { AffineMap } from '@headwater/snapshot'
import { declareLinear, type Linear, linearForward } from '../layers/linear.ts'
import { withWeights } from '../parameters/model-recorder.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import type { Recorder } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'

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
  readonly weights: Weights
  readonly #linear: Linear

  /** @param device null: laid out only, to be recorded with and counted */
  constructor(device: GpuDevice | null, { dim, weight, bias }: AffineMap, limits: BindingLimits) {
    const set = new ParameterSet()
    this.#linear = declareLinear(set, 'alignment', dim, dim)
    this.weights = new Weights(device, set, false, limits)
    if (!device) return
    this.weights.write('alignment.weight', weight)
    this.weights.write('alignment.bias', bias)
  }

  /** @param x [R, J] @param y [R, J] */
  forward(rec: Recorder, x: Tensor, y: Tensor): void {
    linearForward(withWeights(rec, this.weights), this.#linear, x, y)
  }

  dispose(): void {
    this.weights.dispose()
  }
}
