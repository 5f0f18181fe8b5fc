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
import { declareTokenNorm, type TokenNorm, tokenNormBackward, tokenNormForward } from '../layers/token-norm.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Tensor } from '../plan/tensor.ts'

export interface TransformerBlock {
  readonly heads: number
  readonly attentionNorm: TokenNorm
  readonly projection: Linear
  readonly attention: Linear
  readonly hiddenNorm: TokenNorm
  readonly hidden: Linear
  readonly output: Linear
}

export interface SavedBlock {
  readonly x: Tensor
  readonly normed: Tensor
  readonly moments: Tensor
  readonly qkv: Tensor
  readonly attended: Tensor
  readonly lses: Tensor
  /** Between the two halves of the block. */
  readonly middle: Tensor
  readonly middleNormed: Tensor
  readonly middleMoments: Tensor
  /** Before GELU and behind it. */
  readonly raw: Tensor
  readonly hidden: Tensor
}

export function declareTransformerBlock(
  set: ParameterSet,
  name: string,
  width: number,
  { heads, hidden }: { readonly heads: number; readonly hidden: number },
): TransformerBlock {
  return {
    heads,
    attentionNorm: declareTokenNorm(set, `${name}.attention-norm`, 'layer', width),
    projection: declareLinear(set, `${name}.projection`, width, 3 * width),
    attention: declareLinear(set, `${name}.attention`, width, width),
    hiddenNorm: declareTokenNorm(set, `${name}.hidden-norm`, 'layer', width),
    hidden: declareLinear(set, `${name}.hidden`, width, hidden),
    output: declareLinear(set, `${name}.output`, hidden, width),
  }
}

/** Queries, keys and values side by side. */
function attentionShape({ heads }: TransformerBlock, { most }: Lookups, x: Tensor) {
  const width = x.cols
  return {
    B: x.rows / most,
    L: most,
    H: heads,
    D: width / heads,
    qOffset: 0,
    kOffset: width,
    vOffset: 2 * width,
    row: 3 * width,
    yOffset: 0,
    yRow: width,
    causal: 0 as const,
  }
}

/** h W + b + residual */
function linearOnto(rec: ModelRecorder, layer: Linear, h: Tensor, residual: Tensor): Tensor {
  const w = rec.weights.value(layer.weight)
  const into = rec.tensor(`sum behind ${layer.weight.name}`, residual.rows, residual.cols)
  product(
    rec,
    { M: h.rows, N: w.cols, K: w.rows },
    { a: h, b: w, bias: rec.weights.value(layer.bias!), residual, c: { into, accumulate: false } },
  )
  return into
}

/**
 * `x` [R·L, d] without gaps; places beyond a row's length are mapped by themselves, and no other place sees them.
 * @returns y of the same size, and what the backward takes
 */
export function transformerBlockForward(
  rec: ModelRecorder,
  block: TransformerBlock,
  events: Lookups,
  x: Tensor,
  training: boolean,
): { y: Tensor; saved: SavedBlock } {
  const { rows: V, cols: width } = x
  const normed = rec.tensor('normed events', V, width)
  const moments = tokenNormForward(rec, block.attentionNorm, x, normed)
  const qkv = rec.tensor('queries, keys and values', V, 3 * width)
  linearForward(rec, block.projection, normed, qkv)
  const attended = rec.tensor('attended events', V, width)
  const lses = rec.tensor('attention statistics', 1, V * block.heads)
  const shape = attentionShape(block, events, x)
  rec.dispatch(attentionForward, shape, { qkv, lengths: events.lengths, y: attended, lses })
  const middle = linearOnto(rec, block.attention, attended, x)

  const middleNormed = rec.tensor('normed events', V, width)
  const middleMoments = tokenNormForward(rec, block.hiddenNorm, middle, middleNormed)
  const hidden = rec.tensor('hidden of events', V, block.hidden.weight.cols)
  const raw = training ? rec.tensor('hidden of events before GELU', V, hidden.cols) : hidden
  linearForward(rec, block.hidden, middleNormed, raw, { activation: training ? 'none' : 'gelu' })
  if (training)
    rec.dispatch(
      activationForward,
      { count4: (V * raw.stride) / 4, code: activations.gelu, dropout: 0, site: 0 },
      { x: raw, step: rec.weights.step, y: hidden },
    )
  const y = linearOnto(rec, block.output, hidden, middle)
  const saved = { x, normed, moments, qkv, attended, lses, middle, middleNormed, middleMoments, raw, hidden }
  return { y, saved }
}

/** Assigns the parameters' gradients and turns `dh`, the gradient of y, into that of x. */
export function transformerBlockBackward(
  rec: ModelRecorder,
  block: TransformerBlock,
  events: Lookups,
  saved: SavedBlock,
  dh: Tensor,
): void {
  const { x, qkv, attended, lses, raw, hidden } = saved
  const { lengths } = events
  const { rows: V, cols: width } = x
  const dHidden = rec.tensor('gradient of hidden of events', V, hidden.cols)
  linearBackward(rec, block.output, hidden, dh, { into: dHidden, accumulate: false })
  const dRaw = rec.tensor('gradient before GELU', V, hidden.cols)
  rec.dispatch(
    activationBackward,
    { count4: (V * raw.stride) / 4, code: activations.gelu, dropout: 0, site: 0 },
    { x: raw, step: rec.weights.step, dy: dHidden, dx: dRaw },
  )
  const dMiddle = rec.tensor('gradient of normed events', V, width)
  linearBackward(rec, block.hidden, saved.middleNormed, dRaw, { into: dMiddle, accumulate: false })
  const onto = { into: dh, accumulate: true }
  tokenNormBackward(rec, block.hiddenNorm, saved.middle, saved.middleMoments, dMiddle, onto)

  const dAttended = rec.tensor('gradient of attended events', V, width)
  linearBackward(rec, block.attention, attended, dh, { into: dAttended, accumulate: false })
  const dqkv = rec.tensor('gradient of queries, keys and values', V, 3 * width)
  const deltas = rec.tensor('attention deltas', 1, V * block.heads)
  const shape = attentionShape(block, events, x)
  rec.dispatch(attentionBackwardQuery, shape, { qkv, lengths, lses, y: attended, dy: dAttended, dqkv, deltas })
  rec.dispatch(attentionBackwardKeyValue, shape, { qkv, lengths, lses, deltas, dy: dAttended, dqkv })
  const dNormed = rec.tensor('gradient of normed events', V, width)
  linearBackward(rec, block.projection, saved.normed, dqkv, { into: dNormed, accumulate: false })
  tokenNormBackward(rec, block.attentionNorm, x, saved.moments, dNormed, onto)
}
