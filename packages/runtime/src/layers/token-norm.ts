/**
 * Layer norm (Ba et al. 2016) or RMS norm (Zhang & Sennrich 2019) of each token, with a gain, and for layer norm a shift,
 * that all tokens share. Shape letters: R rows, n tokens, d token width.
 */

import {
  layerNormBackward,
  layerNormForward,
  normParametersBackward,
  normParametersShape,
  normShape,
  rmsNormBackward,
  rmsNormForward,
} from '@headwater/kernels'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { assign, columns, type Into, type Tensor } from '../plan/tensor.ts'
import { sumRows } from './sum-rows.ts'
import { copyTokens } from './token-matrix.ts'

/**
 * Writes the normalized tokens of x [R, n·d] to y.
 * @returns its backward: gradients of gain and shift are assigned, dx is assigned or added to
 */
export type TokenNorm = (rec: ModelRecorder, x: Tensor, y: Tensor) => (dy: Tensor, dx: Into) => void

/** Tokens that a slice of the sums for gain and shift goes through. */
const sliceTokens = 256

/** @param d token width */
export function declareTokenNorm(set: ParameterSet, name: string, kind: 'layer' | 'rms', d: number): TokenNorm {
  const gain = set.declare(`${name}.gain`, 1, d, 'one', { decay: false })
  const shift = kind === 'layer' ? set.declare(`${name}.shift`, 1, d, 'zero', { decay: false }) : null
  const affine = { hasGain: 1, hasShift: shift ? 1 : 0 }
  return (rec, x, y) => {
    const g = rec.weights.value(gain)
    const K = x.cols / d
    const vectors = { V: x.rows * K, K, D4: d / 4, xOffset: x.offset / 4, xRow: x.stride / 4 }
    const layoutOf = (y: Tensor) => ({ ...vectors, yOffset: y.offset / 4, yRow: y.stride / 4 })
    const moments = rec.tensor(`moments for ${name}`, 1, vectors.V * 2)
    rec.dispatch(kind === 'layer' ? layerNormForward : rmsNormForward, normShape({ ...layoutOf(y), ...affine }), {
      x,
      gain: g,
      // Without a shift its slot is filled by something that exists.
      shift: shift ? rec.weights.value(shift) : g,
      y,
      moments,
    })
    return (dy, dx) => {
      // Gain and shift: slices of the tokens first, then the sums of the slices.
      const S = Math.ceil(vectors.V / sliceTokens)
      const out = rec.tensor(`slices for ${name}`, S, d * 2)
      rec.dispatch(normParametersBackward, normParametersShape({ ...layoutOf(dy), S }), { x, moments, dy, out })
      for (const [i, parameter] of [gain, shift].entries())
        if (parameter) sumRows(rec, columns(out, i * d, d), assign(rec.weights.gradientOf(parameter)))
      // The kernel assigns, and where x has its tokens.
      const direct = !dx.accumulate && dx.into.offset === x.offset && dx.into.stride === x.stride
      const alike = direct
        ? dx.into
        : { ...rec.tensor(`gradient before ${name}`, x.rows, x.stride), cols: x.cols, offset: x.offset }
      rec.dispatch(kind === 'layer' ? layerNormBackward : rmsNormBackward, normShape({ ...layoutOf(dy), ...affine }), {
        x,
        gain: g,
        moments,
        dy,
        dx: alike,
      })
      if (!direct) copyTokens(rec, alike, dx)
    }
  }
}
