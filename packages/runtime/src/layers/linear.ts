/** y = x W + b, W [in, out]. R rows. */

import type { Activation } from '@headwater/kernels'
import { type Axis, lengthOf } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, ParameterSet } from '../parameters/parameter-set.ts'
import { assign, type Into, type Tensor } from '../plan/tensor.ts'
import { product } from './product.ts'
import { sumRows } from './sum-rows.ts'

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
  { weight, bias }: Linear,
  x: Tensor,
  y: Tensor,
  { accumulate = false, ...epilogue }: Epilogue = {},
): void {
  const { weights } = rec
  const c = { into: y, accumulate }
  product(rec, { ...epilogue, a: x, b: weights.value(weight), bias: bias && weights.value(bias), c })
}

/** Gradients of weight and bias are assigned; `dx`, where asked for, is assigned or added to. */
export function linearBackward(rec: ModelRecorder, { weight, bias }: Linear, x: Tensor, dy: Tensor, dx?: Into): void {
  const { weights } = rec
  product(rec, { a: x, aTransposed: true, b: dy, c: assign(weights.gradientOf(weight)) })
  if (bias) sumRows(rec, dy, assign(weights.gradientOf(bias)))
  if (dx) product(rec, { a: dy, b: weights.value(weight), bTransposed: true, c: dx })
}
