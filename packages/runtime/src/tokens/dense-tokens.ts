/**
 * Dense values as tokens: standardized by fitted constants, encoded, and mapped by a linear layer.
 *   x̂ = (x − center) · scale;  e = x̂, or a periodic or piecewise-linear encoding of each feature (Gorishniy et al. 2022, "On
 *   Embeddings for Numerical Features");  tokens = e W + b
 * Shape letters: R rows, F features, n tokens of width d.
 */
import {
  padded,
  periodicBackward,
  periodicForward,
  piecewiseLinear,
  standardize as standardizeKernel,
} from '@headwater/kernels'
import type { DenseEncoding, DenseTokensConfig } from '../config/config.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { Parameter, ParameterSet } from '../parameters/parameter-set.ts'
import type { Weights } from '../parameters/weights.ts'
import type { Recorder } from '../plan/recorder.ts'
import { columns, type Tensor } from '../plan/tensor.ts'

export interface DenseTokens {
  readonly encoding: DenseEncoding
  /** Constants [1, F], fitted once: `fitDense`. */
  readonly standardization: { readonly center: Parameter; readonly scale: Parameter } | null
  /** [F, frequencies], trained. */
  readonly frequencies: Parameter | null
  /** Constants [F, bins + 1], fitted once. */
  readonly edges: Parameter | null
  /** Columns of e. */
  readonly encodedColumns: number
  readonly linear: Linear
}

export interface SavedDense {
  readonly standardized: Tensor
  readonly encoded: Tensor
}

/** A periodic or piecewise encoding has a vec4 with the flag of a missing value, which no batch has, behind each feature. */
const flagColumns = 4

function encodedColumns(encoding: DenseEncoding, F: number): number {
  switch (encoding.kind) {
    case 'plain':
      return F
    case 'periodic':
      return F * (2 * encoding.frequencies + flagColumns)
    case 'piecewise':
      return F * (padded(encoding.bins) + flagColumns)
  }
}

/** @returns null where there is nothing to make tokens of, or no token is wanted. */
export function declareDenseTokens(
  set: ParameterSet,
  name: string,
  F: number,
  width: number,
  { tokens, standardize, encoding }: DenseTokensConfig,
): DenseTokens | null {
  if (F === 0 || tokens === 0) return null
  const constant = (what: string, rows: number, cols: number, start: 'zero' | 'one') =>
    set.declare(`${name}.dense.${what}`, rows, cols, start, { decay: false })
  const inputs = encodedColumns(encoding, F)
  return {
    encoding,
    standardization: standardize
      ? { center: constant('center', 1, F, 'zero'), scale: constant('scale', 1, F, 'one') }
      : null,
    frequencies:
      encoding.kind === 'periodic'
        ? set.declare(
            `${name}.dense.frequencies`,
            F,
            encoding.frequencies,
            { normal: encoding.sigma },
            { decay: false },
          )
        : null,
    edges: encoding.kind === 'piecewise' ? constant('edges', F, encoding.bins + 1, 'zero') : null,
    encodedColumns: inputs,
    linear: declareLinear(set, `${name}.dense-tokens`, inputs, tokens * width),
  }
}

/** Assigns y [R, n · d], which may be columns of a wider tensor. `x` [R, F] has no missing values. */
export function denseTokensForward(
  rec: Recorder,
  weights: Weights,
  layer: DenseTokens,
  x: Tensor,
  y: Tensor,
): SavedDense {
  const standardized = standardizeValues(rec, weights, layer, x)
  const encoded = encode(rec, weights, layer, standardized)
  linearForward(rec, weights, layer.linear, encoded, y)
  return { standardized, encoded }
}

function standardizeValues(rec: Recorder, weights: Weights, { standardization }: DenseTokens, x: Tensor): Tensor {
  if (!standardization) return x
  const F4 = padded(x.cols) / 4
  // The kernel reads both in one run, and each is memory of its own.
  const statistics = rec.tensor('dense statistics', 2, x.cols)
  for (const [row, parameter] of [standardization.center, standardization.scale].entries())
    copyTokens(rec, columns(weights.value(parameter), 0, F4 * 4), {
      into: { ...statistics, rows: 1, offset: row * statistics.stride },
      accumulate: false,
    })
  const y = rec.tensor('standardized', x.rows, F4 * 8)
  rec.dispatch(
    standardizeKernel,
    {
      R: x.rows,
      F4,
      xOffset: x.offset / 4,
      xRow: x.stride / 4,
      statisticsOffset: 0,
      yOffset: 0,
      yRow: y.stride / 4,
      flagColumn: F4,
    },
    { x, statistics, y },
  )
  return { ...y, cols: x.cols }
}

function periodicShape(x: Tensor, frequencies: Tensor, e: Tensor) {
  const K4 = frequencies.cols / 4
  return {
    R: x.rows,
    F: x.cols,
    K4,
    xOffset: x.offset,
    xRow: x.stride,
    frequencyOffset: frequencies.offset / 4,
    yOffset: e.offset / 4,
    yRow: e.stride / 4,
    yFeature: 2 * K4 + flagColumns / 4,
  }
}

function encode(rec: Recorder, weights: Weights, layer: DenseTokens, x: Tensor): Tensor {
  if (layer.encoding.kind === 'plain') return x
  const y = rec.tensor('encoded dense values', x.rows, layer.encodedColumns)
  if (layer.frequencies) {
    const frequencies = weights.value(layer.frequencies)
    rec.dispatch(periodicForward, periodicShape(x, frequencies, y), { x, frequencies, y })
    return y
  }
  const edges = weights.value(layer.edges!)
  rec.dispatch(
    piecewiseLinear,
    {
      R: x.rows,
      F: x.cols,
      T: edges.cols - 1,
      xOffset: x.offset,
      xRow: x.stride,
      edgeOffset: edges.offset,
      edgeRow: edges.stride,
      yOffset: 0,
      yRow: y.stride / 4,
      yFeature: y.cols / x.cols / 4,
    },
    { x, edges, y },
  )
  return y
}

/** Assigns the gradients of the linear layer and of the frequencies. */
export function denseTokensBackward(
  rec: Recorder,
  weights: Weights,
  layer: DenseTokens,
  { standardized: x, encoded }: SavedDense,
  dy: Tensor,
): void {
  if (!layer.frequencies) {
    linearBackward(rec, weights, layer.linear, encoded, dy)
    return
  }
  const dEncoded = rec.tensor('gradient of encoded dense values', x.rows, layer.encodedColumns)
  linearBackward(rec, weights, layer.linear, encoded, dy, { into: dEncoded, accumulate: false })
  const frequencies = weights.value(layer.frequencies)
  const out = weights.gradientOf(layer.frequencies)
  rec.dispatch(
    periodicBackward,
    {
      ...periodicShape(x, frequencies, dEncoded),
      S: 1,
      outOffset: out.offset / 4,
      outRow: (out.rows * out.stride) / 4,
    },
    { x, frequencies, dy: dEncoded, out },
  )
}
