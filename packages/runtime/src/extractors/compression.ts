/**
 * The attentive dot compression of SUM (Zhang et al. 2023): an MLP of X gives logits Z, their softmax over the tokens
 * weighs the tokens, Y = softmax(Z)ᵀ X, and the dot products of all tokens with these sums, P = X Yᵀ / √d, become new
 * tokens by W₃ vec P + b₃. Shape letters: R rows, n tokens of d, C columns of Z and P [n, C] and tokens of Y.
 */

import { dotCompressionBackwardLogits, dotCompressionBackwardTokens, dotCompressionForward } from '@headwater/kernels'
import { integer, type ReadKeys } from '../config/config-rules.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { product } from '../layers/product.ts'
import { reluDropoutBackward } from '../layers/relu.ts'
import { copyTokens, requireWhole } from '../layers/token-matrix.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Into, Tensor } from '../plan/tensor.ts'
import { type Extractor, hiddenUnits, type LevelInput, newTokens } from './extractor.ts'

const keys = {
  tokens: newTokens,
  // Rows of Z and P are vec4 without gaps.
  columns: integer('Weighted sums; at most as many as there are tokens', 4, 1024, 4),
  hidden: hiddenUnits('of the MLP that gives the weights'),
}

/** A logit that e^ makes 2e-9 of: below the rounding of f32 beside other tokens', and still with a gradient that Adam scales up. */
const outOfReach = -20

export interface Compression {
  /** C */
  readonly columns: number
  /** d */
  readonly width: number
  readonly hidden: Linear
  readonly logits: Linear
  readonly output: Linear
  readonly dropout: number
  readonly site: number
}

export interface SavedCompression {
  /** Behind ReLU and dropout, [R, hidden units]. */
  readonly hidden: Tensor
  /** Z, [R, n·C]. */
  readonly z: Tensor
  /** Y, [R, C·d]. */
  readonly sums: Tensor
  /** Log Σ exp of each column of Z, [1, R·C]. */
  readonly lses: Tensor
  /** P, [R, n·C]. */
  readonly products: Tensor
}

function declare(
  set: ParameterSet,
  name: string,
  { tokens: made, columns, hidden }: ReadKeys<typeof keys>,
  { tokens, width, dropout }: LevelInput,
): Compression {
  const products = named(tokens, columns)
  return {
    columns,
    width,
    hidden: declareLinear(set, `${name}.hidden`, named(tokens, width), hidden),
    // The softmax runs over tokens: one that a feature adds takes no weight from the others at first.
    logits: declareLinear(set, `${name}.logits`, hidden, products, { biasFill: outOfReach }),
    output: declareLinear(set, `${name}.output`, products, made * width),
    dropout,
    site: set.site(),
  }
}

/** What the three kernels of Y take. */
const shapeOf = ({ columns: M, width }: Compression, x: Tensor) => ({
  B: x.rows,
  N: x.cols / width,
  M,
  D4: width / 4,
  zOffset: 0,
  zRow: M,
  xOffset: 0,
  xRow: width / 4,
  yOffset: 0,
  yRow: width / 4,
  scale: 1,
  masked: 0 as const,
})

/** @throws RangeError if x is part of a wider tensor */
function forward(rec: ModelRecorder, layer: Compression, x: Tensor, y: Into, training: boolean): SavedCompression {
  requireWhole(x, 'dot compression')
  const { columns: C, width: d } = layer
  const name = layer.hidden.weight.name
  const n = x.cols / d
  const hidden = rec.tensor(`σ of ${name}`, x.rows, layer.hidden.weight.cols)
  linearForward(rec, layer.hidden, x, hidden, {
    activation: 'relu',
    dropout: training ? layer.dropout : 0,
    site: layer.site,
  })
  const z = rec.tensor(`logits behind ${name}`, x.rows, n * C)
  linearForward(rec, layer.logits, hidden, z)
  const sums = rec.tensor(`weighted sums behind ${name}`, x.rows, C * d)
  const lses = rec.tensor(`log sums behind ${name}`, 1, x.rows * C)
  // Without lengths their slot is filled by something that exists.
  rec.dispatch(dotCompressionForward, shapeOf(layer, x), { z, x, lengths: rec.weights.step, y: sums, lses })
  const scaled = rec.tensor(`weighted sums ÷ √d behind ${name}`, x.rows, C * d)
  copyTokens(rec, sums, { into: scaled, accumulate: false }, 1 / Math.sqrt(d))
  const products = rec.tensor(`dot products behind ${name}`, x.rows, n * C)
  product(
    rec,
    {
      M: n,
      N: C,
      K: d,
      batch: x.rows,
      aRow: d,
      aBatch: x.stride,
      bRow: d / 4,
      bBatch: scaled.stride / 4,
      cRow: C / 4,
      cBatch: products.stride / 4,
    },
    { a: x, b: scaled, bTransposed: true, c: { into: products, accumulate: false } },
  )
  linearForward(rec, layer.output, products, y.into, { accumulate: y.accumulate })
  return { hidden, z, sums, lses, products }
}

/** @throws RangeError if x or the tensor for dx is part of a wider one */
function backward(
  rec: ModelRecorder,
  layer: Compression,
  x: Tensor,
  { hidden, z, sums, lses, products }: SavedCompression,
  dy: Tensor,
  dx: Into,
): void {
  requireWhole(dx.into, 'backward of dot compression')
  const { columns: C, width: d } = layer
  const name = layer.hidden.weight.name
  const n = x.cols / d
  const R = x.rows
  const gradient = (label: string, like: Tensor) => rec.tensor(`gradient of ${label} ${name}`, like.rows, like.cols)

  const dProducts = gradient('dot products behind', products)
  linearBackward(rec, layer.output, products, dy, { into: dProducts, accumulate: false })
  const scaled = gradient('dot products × √d behind', products)
  copyTokens(rec, dProducts, { into: scaled, accumulate: false }, 1 / Math.sqrt(d))
  const dSums = gradient('weighted sums behind', sums)
  product(
    rec,
    {
      M: C,
      N: d,
      K: n,
      batch: R,
      aRow: 1,
      aCol: C,
      aBatch: scaled.stride,
      bRow: d / 4,
      bBatch: x.stride / 4,
      cRow: d / 4,
      cBatch: dSums.stride / 4,
    },
    { a: scaled, b: x, c: { into: dSums, accumulate: false } },
  )

  // The share that comes through Y is assigned by its kernel; where dx holds something already, it is added on the way.
  const through = dx.accumulate ? rec.tensor(`gradient before ${name}, through sums`, R, x.cols) : dx.into
  const shape = shapeOf(layer, x)
  rec.dispatch(dotCompressionBackwardTokens, shape, { z, lengths: rec.weights.step, lses, dy: dSums, dx: through })
  product(
    rec,
    {
      M: n,
      N: d,
      K: C,
      batch: R,
      aRow: C,
      aBatch: scaled.stride,
      bRow: d / 4,
      bBatch: sums.stride / 4,
      cRow: d / 4,
      cBatch: x.stride / 4,
      residualRow: d / 4,
      residualBatch: x.stride / 4,
    },
    {
      a: scaled,
      b: sums,
      residual: dx.accumulate ? through : undefined,
      c: { into: dx.into, accumulate: true },
    },
  )

  const dz = gradient('logits behind', z)
  rec.dispatch(dotCompressionBackwardLogits, shape, { z, x, lengths: rec.weights.step, lses, y: sums, dy: dSums, dz })
  const dHidden = gradient('σ of', hidden)
  linearBackward(rec, layer.logits, hidden, dz, { into: dHidden, accumulate: false })
  const dSum = gradient('sum before σ of', hidden)
  reluDropoutBackward(rec, hidden, dHidden, dSum, layer.dropout)
  linearBackward(rec, layer.hidden, x, dSum, { into: dx.into, accumulate: true })
}

export const compression: Extractor<typeof keys, Compression, SavedCompression> = {
  description: 'Dot products of the tokens with weighted sums of them',
  keys,
  check({ columns }, n, _, refuse) {
    if (columns > n) refuse('columns', `${columns} weighted sums of ${n} tokens compress nothing`, `give at most ${n}`)
  },
  declare,
  forward,
  backward,
  passesToAdd: 1,
}
