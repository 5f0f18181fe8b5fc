/**
 * A pre-norm transformer block over the events of each row (Vaswani et al. 2017; norms as in Xiong et al. 2020):
 *   h += Attention(LN(h)) W_o + b_o;  h += GELU(LN(h) W₁ + b₁) W₂ + b₂
 * with softmax(q · k / √(d / heads)) over a row's events, queries, keys and values in one projection d → 3d.
 * Shape letters: R rows, L events a row at most, d token width.
 */

import {
  activationBackward,
  activationForward,
  activations,
  attentionBackwardKeyValue,
  attentionBackwardQuery,
  attentionForward,
} from '@headwater/kernels'
import type { Lookups } from '../inputs/table-lookups.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { product } from '../layers/product.ts'
import { declareTokenNorm } from '../layers/token-norm.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { add, assign, type Tensor } from '../plan/tensor.ts'

/** y, and the backward: it assigns the parameters' gradients and turns `dh`, the gradient of y, into that of x. */
interface RecordedBlock {
  readonly y: Tensor
  backward(dh: Tensor): void
}

/**
 * A declared block: y of the size of x [R·L, d], which has no gaps; places beyond a row's length are mapped by themselves,
 * and no other place sees them.
 */
export type TransformerBlock = (rec: ModelRecorder, events: Lookups, x: Tensor, training: boolean) => RecordedBlock

/** h W + b + residual */
function linearOnto(rec: ModelRecorder, { weight, bias }: Linear, h: Tensor, residual: Tensor): Tensor {
  const into = rec.tensor(`sum behind ${weight.name}`, residual.rows, residual.cols)
  product(rec, { a: h, b: rec.weights.value(weight), bias: rec.weights.value(bias!), residual, c: assign(into) })
  return into
}

/** @param d token width */
export function declareTransformerBlock(
  set: ParameterSet,
  name: string,
  d: number,
  { heads, hidden: units }: { readonly heads: number; readonly hidden: number },
): TransformerBlock {
  const attentionNorm = declareTokenNorm(set, `${name}.attention-norm`, 'layer', d)
  const projection = declareLinear(set, `${name}.projection`, d, 3 * d)
  const attention = declareLinear(set, `${name}.attention`, d, d)
  const hiddenNorm = declareTokenNorm(set, `${name}.hidden-norm`, 'layer', d)
  const hiddenLayer = declareLinear(set, `${name}.hidden`, d, units)
  const output = declareLinear(set, `${name}.output`, units, d)
  // Queries, keys and values side by side.
  const places = { H: heads, D: d / heads, qOffset: 0, kOffset: d, vOffset: 2 * d, row: 3 * d, yOffset: 0, yRow: d }

  return (rec, { lengths, most: L }, x, training) => {
    const V = x.rows
    const tensor = (what: string, cols = d) => rec.tensor(`${what} of ${name}`, V, cols)
    const shape = { B: V / L, L, ...places, causal: 0 as const }
    const normed = tensor('normed events')
    const normBackward = attentionNorm(rec, x, normed)
    const qkv = tensor('queries, keys and values', 3 * d)
    linearForward(rec, projection, normed, qkv)
    const attended = tensor('attended events')
    const lses = rec.tensor(`attention statistics of ${name}`, 1, V * heads)
    rec.dispatch(attentionForward, shape, { qkv, lengths, y: attended, lses })
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
      const deltas = rec.tensor(`attention deltas of ${name}`, 1, V * heads)
      rec.dispatch(attentionBackwardQuery, shape, { qkv, lengths, lses, y: attended, dy: dAttended, dqkv, deltas })
      rec.dispatch(attentionBackwardKeyValue, shape, { qkv, lengths, lses, deltas, dy: dAttended, dqkv })
      const dNormed = tensor('gradient of normed events')
      linearBackward(rec, projection, normed, dqkv, assign(dNormed))
      normBackward(dNormed, add(dh))
    }
    return { y, backward }
  }
}
