/**
 * Layer norm (Ba et al. 2016) or RMS norm (Zhang & Sennrich 2019) of each token, with a gain, and for layer norm a shift,
 * that all tokens share. Shape letters: R rows, n tokens, d token width.
 */

import {
  columnSum,
  columnSumShape,
  layerNormBackward,
  layerNormForward,
  normParametersBackward,
  normParametersShape,
  normShape,
  rmsNormBackward,
  rmsNormForward,
} from '@headwater/kernels'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, ParameterSet } from '../parameters/parameter-set.ts'
import type { Weights } from '../parameters/weights.ts'
import type { Into, Tensor } from '../plan/tensor.ts'
import { copyTokens } from './token-matrix.ts'

export interface TokenNorm {
  readonly kind: 'layer' | 'rms'
  /** [1, d], as the shift. */
  readonly gain: Parameter
  readonly shift: Parameter | null
}

/** Tokens that a slice of the sums for gain and shift goes through. */
const sliceTokens = 256

export function declareTokenNorm(set: ParameterSet, name: string, kind: 'layer' | 'rms', width: number): TokenNorm {
  return {
    kind,
    gain: set.declare(`${name}.gain`, 1, width, 'one', { decay: false }),
    shift: kind === 'layer' ? set.declare(`${name}.shift`, 1, width, 'zero', { decay: false }) : null,
  }
}

/** Vectors of x [R, n·d] and how they lie in it and in y, or in dy. */
function layoutOf({ gain }: TokenNorm, x: Tensor, y: Tensor) {
  const K = x.cols / gain.cols
  return {
    V: x.rows * K,
    K,
    D4: gain.cols / 4,
    xOffset: x.offset / 4,
    xRow: x.stride / 4,
    yOffset: y.offset / 4,
    yRow: y.stride / 4,
  }
}

function affine(weights: Weights, { gain, shift }: TokenNorm) {
  const values = { gain: weights.value(gain), shift: shift ? weights.value(shift) : null }
  return {
    gain: values.gain,
    // Without a shift its slot is filled by something that exists.
    shift: values.shift ?? values.gain,
    places: {
      hasGain: 1,
      gainOffset: values.gain.offset / 4,
      hasShift: shift ? 1 : 0,
      shiftOffset: (values.shift?.offset ?? 0) / 4,
    },
  }
}

/** @returns mean and inverse deviation of each token, which the backward takes */
export function tokenNormForward(rec: ModelRecorder, norm: TokenNorm, x: Tensor, y: Tensor): Tensor {
  const { gain, shift, places } = affine(rec.weights, norm)
  const layout = layoutOf(norm, x, y)
  const moments = rec.tensor(`moments for ${norm.gain.name}`, 1, layout.V * 2)
  rec.dispatch(norm.kind === 'layer' ? layerNormForward : rmsNormForward, normShape({ ...layout, ...places }), {
    x,
    gain,
    shift,
    y,
    moments,
  })
  return moments
}

/** Gradients of gain and shift are assigned; `dx` is assigned or added to. */
export function tokenNormBackward(
  rec: ModelRecorder,
  norm: TokenNorm,
  x: Tensor,
  moments: Tensor,
  dy: Tensor,
  dx: Into,
): void {
  parametersBackward(rec, norm, x, moments, dy)
  const { gain, places } = affine(rec.weights, norm)
  // The kernel assigns, and where x has its tokens.
  const direct = !dx.accumulate && dx.into.offset === x.offset && dx.into.stride === x.stride
  const alike = direct
    ? dx.into
    : { ...rec.tensor(`gradient before ${norm.gain.name}`, x.rows, x.stride), cols: x.cols, offset: x.offset }
  rec.dispatch(
    norm.kind === 'layer' ? layerNormBackward : rmsNormBackward,
    normShape({ ...layoutOf(norm, x, dy), ...places }),
    { x, gain, moments, dy, dx: alike },
  )
  if (!direct) copyTokens(rec, alike, dx)
}

/** Slices of the tokens first, then the sums of the slices. */
function parametersBackward(rec: ModelRecorder, norm: TokenNorm, x: Tensor, moments: Tensor, dy: Tensor): void {
  const layout = layoutOf(norm, x, dy)
  const { D4 } = layout
  const S = Math.ceil(layout.V / sliceTokens)
  const slices = rec.tensor(`slices for ${norm.gain.name}`, S, D4 * 8)
  rec.dispatch(normParametersBackward, normParametersShape({ ...layout, S }), { x, moments, dy, out: slices })
  for (const [i, parameter] of [norm.gain, norm.shift].entries()) {
    if (!parameter) continue
    const output = rec.weights.gradientOf(parameter)
    rec.dispatch(
      columnSum,
      columnSumShape({ R: S, N4: D4, inOffset: i * D4, inRow: D4 * 2, outOffset: output.offset / 4 }),
      { input: slices, output },
    )
  }
}
