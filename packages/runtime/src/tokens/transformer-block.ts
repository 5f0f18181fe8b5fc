/**
 * A pre-norm transformer block over the events of each row (Vaswani et al. 2017; norms as in Xiong et al. 2020):
 *   h += Attention(LN(h)) W_o + b_o;  h += GELU(LN(h) W₁ + b₁) W₂ + b₂
 * with softmax(q · k / √(d / heads)) over a row's events, or pointwise attention to those before, queries, keys and values in
 * one projection d → 3d.
 * Shape letters: R rows, L events a row at most, d token width.
 */

import { activationBackward, activationForward, activations } from '@headwater/kernels'
import type { ReadKeys } from '../config/config-rules.ts'
import type { SequenceInputs } from '../inputs/input-batch.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { product } from '../layers/product.ts'
import { declareTokenNorm } from '../layers/token-norm.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { add, assign, type Tensor } from '../plan/tensor.ts'
import { declarePointwiseAttention, softmaxAttention } from './block-attention.ts'
import type { bucketKeys } from './pointwise-events.ts'

/** y, and the backward: it assigns the parameters' gradients and turns `dh`, the gradient of y, into that of x. */
interface RecordedBlock {
  readonly y: Tensor
  backward(dh: Tensor): void
}

/**
 * A declared block: y of the size of x [R·L, d], which has no gaps; places beyond a row's length are mapped by themselves,
 * and no other place sees them.
 */
export type TransformerBlock = (
  rec: ModelRecorder,
  sequence: SequenceInputs,
  x: Tensor,
  training: boolean,
) => RecordedBlock

/** h W + b + residual */
function linearOnto(rec: ModelRecorder, { weight, bias }: Linear, h: Tensor, residual: Tensor): Tensor {
  const into = rec.tensor(`sum behind ${weight.name}`, residual.rows, residual.cols)
  product(rec, { a: h, b: rec.weights.value(weight), bias: rec.weights.value(bias!), residual, c: assign(into) })
  return into
}

export interface BlockConfig {
  readonly heads: number
  readonly hidden: number
  /** Softmax where it is absent. */
  readonly pointwise?: ReadKeys<typeof bucketKeys>
}

/** @param d token width */
export function declareTransformerBlock(
  set: ParameterSet,
  name: string,
  d: number,
  { heads, hidden: units, pointwise }: BlockConfig,
): TransformerBlock {
  const attentionNorm = declareTokenNorm(set, `${name}.attention-norm`, 'layer', d)
  const projection = declareLinear(set, `${name}.projection`, d, 3 * d)
  const attend = pointwise
    ? declarePointwiseAttention(set, `${name}.pointwise`, d, heads, pointwise)
    : softmaxAttention(name, d, heads)
  const attention = declareLinear(set, `${name}.attention`, d, d)
  const hiddenNorm = declareTokenNorm(set, `${name}.hidden-norm`, 'layer', d)
  const hiddenLayer = declareLinear(set, `${name}.hidden`, d, units)
  const output = declareLinear(set, `${name}.output`, units, d)

  return (rec, sequence, x, training) => {
    const V = x.rows
    const tensor = (what: string, cols = d) => rec.tensor(`${what} of ${name}`, V, cols)
    const normed = tensor('normed events')
    const normBackward = attentionNorm(rec, x, normed)
    const qkv = tensor('queries, keys and values', 3 * d)
    linearForward(rec, projection, normed, qkv)
    const attended = tensor('attended events')
    const attendBackward = attend(rec, sequence, qkv, attended)
    const middle = linearOnto(rec, attention, attended, x)

    const middleNormed = tensor('normed sums')
    const middleNormBackward = hiddenNorm(rec, middle, middleNormed)
    const hidden = tensor('hidden units', units)
    const raw = training ? tensor('hidden units before GELU', units) : hidden
    linearForward(rec, hiddenLayer, middleNormed, raw, { activation: training ? 'none' : 'gelu' })
    const { step } = rec.weights
    const gelu = { count4: (V * raw.stride) / 4, code: activations.gelu, dropout: 0, site: 0 }
    if (training) rec.dispatch(activationForward, gelu, { x: raw, step, y: hidden })
    const y = linearOnto(rec, output, hidden, middle)

    const backward = (dh: Tensor) => {
      const dHidden = tensor('gradient of hidden units', units)
      linearBackward(rec, output, hidden, dh, assign(dHidden))
      const dRaw = tensor('gradient before GELU', units)
      rec.dispatch(activationBackward, gelu, { x: raw, step, dy: dHidden, dx: dRaw })
      const dMiddle = tensor('gradient of normed sums')
      linearBackward(rec, hiddenLayer, middleNormed, dRaw, assign(dMiddle))
      middleNormBackward(dMiddle, add(dh))

      const dAttended = tensor('gradient of attended events')
      linearBackward(rec, attention, attended, dh, assign(dAttended))
      const dqkv = tensor('gradient of queries, keys and values', 3 * d)
      attendBackward(dAttended, dqkv)
      const dNormed = tensor('gradient of normed events')
      linearBackward(rec, projection, normed, dqkv, assign(dNormed))
      normBackward(dNormed, add(dh))
    }
    return { y, backward }
  }
}
