/**
 * Y[r] = W X[r] + b for each row r: a linear map over tokens, each column of the tokens by itself, b a number a token.
 * All rows run as one wide product whose B they are, so nothing is transposed.
 * Shape letters: R rows, n tokens in, m tokens out, d token width.
 */

import { type Activation, padded, transpose } from '@headwater/kernels'
import { type Axis, lengthOf } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, ParameterSet } from '../parameters/parameter-set.ts'
import type { Recording } from '../plan/recorder.ts'
import { assign, type Into, rowsOf, type Tensor } from '../plan/tensor.ts'
import { product, rowMatrices } from './product.ts'
import { sumRows } from './sum-rows.ts'

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
  { activation, residual }: { readonly activation?: Activation; readonly residual?: Tensor } = {},
): void {
  product(rec, {
    a: rec.weights.value(weight),
    b: rowMatrices(x, width),
    bias: bias && rec.weights.value(bias),
    biasOfRows: true,
    activation,
    residual: residual && rowMatrices(residual, width),
    c: { ...y, into: rowMatrices(y.into, width) },
  })
}

/** Gradients of W and b are assigned; `dx`, where asked for, is assigned or added to. */
export function tokenMapBackward(rec: ModelRecorder, map: TokenMap, x: Tensor, dy: Tensor, dx?: Into): void {
  const { weight, bias, width } = map
  weightGradient(rec, map, x, dy)
  if (bias) biasGradient(rec, rec.weights.gradientOf(bias), width, dy)
  if (!dx) return
  const c = { ...dx, into: rowMatrices(dx.into, width) }
  product(rec, { a: rec.weights.value(weight), aTransposed: true, b: rowMatrices(dy, width), c })
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
  const all = rec.tensor(`products for ${weight.name}`, partRows, size)
  const gradient = rec.weights.gradientOf(weight)
  for (let first = 0; first < x.rows; first += partRows) {
    const rows = Math.min(partRows, x.rows - first)
    const products = rowsOf(all, 0, rows)
    const [a, b] = [dy, x].map((tensor) => rowMatrices(rowsOf(tensor, first, rows), width))
    product(rec, { a, b, bTransposed: true, c: assign({ ...rowMatrices(products, padded(n)), cols: n }) })
    sumRows(rec, products, { into: gradient, accumulate: first > 0 })
  }
}

/** db_i = Σ over rows and columns of token i of dY: rows first, and then, turned round, columns. */
function biasGradient(rec: Recording, gradient: Tensor, width: number, dy: Tensor): void {
  const m = gradient.cols
  const sums = rec.tensor('sums of tokens', m, width)
  sumRows(rec, dy, assign(sums))
  const turned = rec.tensor('sums of tokens, transposed', width, m)
  rec.dispatch(
    transpose,
    { M: m, N: width, inOffset: 0, inRow: width / 4, outOffset: 0, outRow: turned.stride / 4 },
    { input: sums, output: turned },
  )
  sumRows(rec, turned, assign(gradient))
}
