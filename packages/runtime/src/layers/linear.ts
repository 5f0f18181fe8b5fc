/** y = x W + b, W [in, out]. R rows. */

import { type Activation, columnSum, columnSumShape, padded } from '@headwater/kernels'
import { type Axis, lengthOf } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, ParameterSet } from '../parameters/parameter-set.ts'
import type { Into, Tensor } from '../plan/tensor.ts'
import { product } from './product.ts'

export interface Linear {
  readonly weight: Parameter
  readonly bias: Parameter | null
}

export interface Epilogue {
  /** y = what y held + x W + b */
  accumulate?: boolean
  activation?: Activation
  /** Probability, behind the activation; needs a `site` of its own. */
  dropout?: number
  /** From `ParameterSet.site`. */
  site?: number
}

/**
 * Declares a linear layer with PyTorch's default start, uniform within ±1/√in, or `bound`.
 * @param options `biasFill`: bias of an output that a feature adds later
 */
export function declareLinear(
  set: ParameterSet,
  name: string,
  inputs: Axis,
  outputs: Axis,
  options: { bias?: boolean; bound?: number; biasFill?: number } = {},
): Linear {
  const { bound = 1 / Math.sqrt(lengthOf(inputs)), biasFill = 0 } = options
  const weight = set.declare(`${name}.weight`, inputs, outputs, { uniform: bound })
  if (options.bias === false) return { weight, bias: null }
  return { weight, bias: set.declare(`${name}.bias`, 1, outputs, 'zero', { decay: false, fill: biasFill }) }
}

export function linearForward(
  rec: ModelRecorder,
  layer: Linear,
  x: Tensor,
  y: Tensor,
  { accumulate = false, activation = 'none', dropout = 0, site = 0 }: Epilogue = {},
): void {
  const w = rec.weights.value(layer.weight)
  product(
    rec,
    { M: y.rows, N: y.cols, K: w.rows, dropout, site },
    { a: x, b: w, bias: layer.bias && rec.weights.value(layer.bias), activation, c: { into: y, accumulate } },
  )
}

/** Gradients of weight and bias are assigned; `dx`, where asked for, is assigned or added to. */
export function linearBackward(rec: ModelRecorder, layer: Linear, x: Tensor, dy: Tensor, dx?: Into): void {
  const dw = rec.weights.gradientOf(layer.weight)
  product(
    rec,
    { M: dw.rows, N: dw.cols, K: dy.rows, aRow: 1, aCol: x.stride },
    { a: x, b: dy, c: { into: dw, accumulate: false } },
  )
  if (layer.bias) {
    const output = rec.weights.gradientOf(layer.bias)
    rec.dispatch(
      columnSum,
      columnSumShape({
        R: dy.rows,
        N4: padded(dy.cols) / 4,
        inOffset: dy.offset / 4,
        inRow: dy.stride / 4,
        outOffset: output.offset / 4,
      }),
      { input: dy, output },
    )
  }
  if (!dx) return
  const w = rec.weights.value(layer.weight)
  product(rec, { M: dx.into.rows, N: dx.into.cols, K: w.cols }, { a: dy, b: w, bTransposed: true, c: dx })
}
