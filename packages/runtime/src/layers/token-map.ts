/**
 * Y[r] = W X[r] + b for each row r: a linear map over tokens, each column of the tokens by itself, b a number a token.
 * All rows run as one wide product whose B they are, so nothing is transposed.
 * Shape letters: R rows, n tokens in, m tokens out, d token width.
 */

import { type Activation, columnSum, columnSumShape, padded, transpose } from '@headwater/kernels'
import { type Axis, lengthOf } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, ParameterSet } from '../parameters/parameter-set.ts'
import type { Recording } from '../plan/recorder.ts'
import type { Into, Tensor } from '../plan/tensor.ts'
import { product } from './product.ts'

export interface TokenMap {
  /** [m, n] */
  readonly weight: Parameter
  /** [1, m] */
  readonly bias: Parameter | null
  /** d */
  readonly width: number
}

/** Declares W uniform within ±1/√n, and b zero. */
export function declareTokenMap(
  set: ParameterSet,
  name: string,
  inputs: Axis,
  outputs: Axis,
  width: number,
  options: { bias?: boolean } = {},
): TokenMap {
  const weight = set.declare(`${name}.weight`, outputs, inputs, { uniform: 1 / Math.sqrt(lengthOf(inputs)) })
  const bias = options.bias ? set.declare(`${name}.bias`, 1, outputs, 'zero', { decay: false }) : null
  return { weight, bias, width }
}

/** Writes f(W X + b) + residual, `residual` being laid out as the result's tokens: [R, m·d], in any tensor but y's. */
export function tokenMapForward(
  rec: ModelRecorder,
  { weight, bias, width }: TokenMap,
  x: Tensor,
  y: Into,
  epilogue: { readonly activation?: Activation; readonly residual?: Tensor } = {},
): void {
  const { residual } = epilogue
  product(
    rec,
    {
      M: weight.rows,
      N: width,
      K: weight.cols,
      batch: x.rows,
      aBatch: 0,
      bRow: width / 4,
      bBatch: x.stride / 4,
      cRow: width / 4,
      cBatch: y.into.stride / 4,
      ...(bias ? { hasBias: 2 } : {}),
      residualRow: width / 4,
      residualBatch: (residual?.stride ?? 0) / 4,
    },
    { ...epilogue, a: rec.weights.value(weight), b: x, bias: bias && rec.weights.value(bias), c: y },
  )
}

/** Gradients of W and b are assigned; `dx`, where asked for, is assigned or added to. */
export function tokenMapBackward(rec: ModelRecorder, map: TokenMap, x: Tensor, dy: Tensor, dx?: Into): void {
  weightGradient(rec, map, x, dy)
  if (map.bias) biasGradient(rec, rec.weights.gradientOf(map.bias), map.width, dy)
  if (!dx) return
  const { weight, width } = map
  const w = rec.weights.value(weight)
  product(
    rec,
    {
      M: weight.cols,
      N: width,
      K: weight.rows,
      batch: x.rows,
      aRow: 1,
      aCol: w.stride,
      aBatch: 0,
      bRow: width / 4,
      bBatch: dy.stride / 4,
      cRow: width / 4,
      cBatch: dx.into.stride / 4,
    },
    { a: w, b: dy, c: dx },
  )
}

/**
 * dW = Σ_r dY[r] X[r]ᵀ: the products of some rows, then their sum. Together they would be R·m·n numbers, which many narrow
 * tokens make far more than the tokens themselves; so they are made in parts of at most twice these.
 */
function weightGradient(rec: ModelRecorder, { weight, width }: TokenMap, x: Tensor, dy: Tensor): void {
  const { rows: m, cols: n } = weight
  const size = m * padded(n)
  const parts = Math.ceil(size / (2 * Math.max(m, n) * width))
  const partRows = Math.ceil(x.rows / parts)
  const products = rec.tensor(`products for ${weight.name}`, partRows, size)
  const output = rec.weights.gradientOf(weight)
  for (let first = 0; first < x.rows; first += partRows) {
    const rows = Math.min(partRows, x.rows - first)
    product(
      rec,
      {
        M: m,
        N: n,
        K: width,
        batch: rows,
        aOffset: dy.offset + first * dy.stride,
        aRow: width,
        aBatch: dy.stride,
        bOffset: (x.offset + first * x.stride) / 4,
        bRow: width / 4,
        bBatch: x.stride / 4,
        cRow: padded(n) / 4,
        cBatch: size / 4,
      },
      { a: dy, b: x, bTransposed: true, c: { into: products, accumulate: false } },
    )
    rec.dispatch(
      columnSum,
      columnSumShape({ R: rows, N4: size / 4, outOffset: output.offset / 4, accumulate: first > 0 ? 1 : 0 }),
      { input: products, output },
    )
  }
}

/** db_i = Σ over rows and columns of token i of dY: rows first, and then, turned round, columns. */
function biasGradient(rec: Recording, output: Tensor, width: number, dy: Tensor): void {
  const m = output.cols
  const sums = rec.tensor('sums of tokens', m, width)
  rec.dispatch(
    columnSum,
    columnSumShape({ R: dy.rows, N4: dy.cols / 4, inOffset: dy.offset / 4, inRow: dy.stride / 4 }),
    { input: dy, output: sums },
  )
  const turned = rec.tensor('sums of tokens, transposed', width, m)
  rec.dispatch(
    transpose,
    { M: m, N: width, inOffset: 0, inRow: width / 4, outOffset: 0, outRow: turned.stride / 4 },
    { input: sums, output: turned },
  )
  rec.dispatch(columnSum, columnSumShape({ R: width, N4: turned.stride / 4, outOffset: output.offset / 4 }), {
    input: turned,
    output,
  })
}
