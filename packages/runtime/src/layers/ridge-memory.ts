/**
 * Ridge regressions of a row's events, a head each: of residuals r = Σ_c channel_c · mix_c on the vectors of the events, with weights that
 * fade from event to event. Shape letters: R rows, L events, C channels, H heads, D width of a vector, M = H · (D + 4) coefficients.
 */
import { ridgeBackward, ridgeDecay, ridgeDecayBackward, ridgeSolve } from '@headwater/kernels'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, ParameterSet } from '../parameters/parameter-set.ts'
import { assign, columns, rowsOf, type Tensor } from '../plan/tensor.ts'
import { product, rowGroups, rowMatrices } from './product.ts'
import { sumRows } from './sum-rows.ts'

/** Floats that follow a vector's coefficients: the intercept and three zeros. */
export const interceptColumns = 4

/** Of an event, weights of up to four heads and then their residuals. */
const signalColumns = 8

export interface RidgeMemory {
  readonly heads: number
  readonly width: number
  /** [1, H], logarithms of the rates an event. */
  readonly decays: Parameter
  /** [H, D + 4], logarithms of the penalties; the last three of a head are of nothing. */
  readonly ridge: Parameter
  /** [C, H] */
  readonly mix: Parameter
}

/** A row's events. */
export interface RidgeEvents {
  /** [1, R] */
  readonly lengths: Tensor
  /** [R · L, C] without gaps, zero where there is no event. */
  readonly channels: Tensor
  /** [R · L, D] */
  readonly vectors: Tensor
  /** Number of the channel that is 1 for an event that counts for nothing; C: there is none. */
  readonly flag: number
}

/** Starting values: `decays` an event, penalties of 2, and of 3.5 for the intercept; residuals are that one of the channels. */
export function declareRidgeMemory(
  set: ParameterSet,
  name: string,
  decays: readonly number[],
  width: number,
  channels: number,
  residual: number,
): RidgeMemory {
  const heads = decays.length
  const fixed = { decay: false }
  const penalties = [...new Array<number>(width).fill(Math.log(2)), Math.log(3.5), 0, 0, 0]
  const mix = Array.from({ length: channels * heads }, (_, i) => (Math.floor(i / heads) === residual ? 1 : 0))
  return {
    heads,
    width,
    decays: set.declare(`${name}.decays`, 1, heads, { values: decays.map(Math.log) }, fixed),
    ridge: set.declare(
      `${name}.ridge`,
      heads,
      width + interceptColumns,
      { values: decays.flatMap(() => penalties) },
      fixed,
    ),
    mix: set.declare(`${name}.residuals`, channels, heads, { values: mix }, fixed),
  }
}

/**
 * Records coefficients [R, M] of each head: those of a vector's numbers, the intercept, three zeros.
 * @returns them, and the backward: it assigns the parameters' gradients and gives that of the vectors [R · L, D]; events that
 * there are not have none
 */
export function ridgeMemory(
  rec: ModelRecorder,
  { heads: H, width: D, decays, ridge, mix }: RidgeMemory,
  { lengths, channels, vectors, flag }: RidgeEvents,
  rows: number,
): { readonly coefficients: Tensor; readonly backward: (dm: Tensor) => Tensor } {
  const { weights } = rec
  const events = vectors.rows
  const sizes = { R: rows, L: events / rows, H, D4: D / 4 }
  const fading = { R: rows, L: sizes.L, H, C: channels.cols, F: flag }
  const signals = rec.tensor('weights and residuals of events', events, signalColumns)
  const residuals = columns(signals, 4, H)
  const faded = { decays: weights.value(decays), channels, lengths, signals }
  rec.dispatch(ridgeDecay, fading, faded)
  product(rec, { a: channels, b: weights.value(mix), c: assign(residuals) })
  // Below the coefficients lie those of the backward.
  const M = H * (D + interceptColumns)
  const solutions = rec.tensor('ridge coefficients', weights.training ? 2 * rows : rows, M)
  const given = { vectors, signals, lengths, ridge: weights.value(ridge) }
  rec.dispatch(ridgeSolve, { ...sizes, given: 0, yOffset: 0 }, { ...given, rhs: weights.rates, y: solutions })
  return {
    coefficients: rowsOf(solutions, 0, rows),
    backward(dm) {
      rec.dispatch(ridgeSolve, { ...sizes, given: 1, yOffset: (rows * M) / 4 }, { ...given, rhs: dm, y: solutions })
      const dx = rec.tensor('gradient of vectors of events', events, D)
      const dsignals = rec.tensor('gradient of weights and residuals', events, signalColumns)
      const dridge = rec.tensor('shares of the gradient of penalties', rows, M)
      rec.dispatch(ridgeBackward, sizes, { ...given, solutions, dx, dsignals, dridge })
      const ridges = weights.gradientOf(ridge)
      sumRows(rec, dridge, assign({ ...ridges, rows: 1, cols: M, stride: M }))
      // A product for each row, and then the rows' sum: over all events it would be one long loop.
      const C = channels.cols
      const shares = rec.tensor('shares of the gradient of residuals', rows, C * 4)
      const ofRows = { a: rowGroups(channels, sizes.L), b: rowGroups(columns(dsignals, 4, 4), sizes.L) }
      product(rec, { ...ofRows, aTransposed: true, c: assign(rowMatrices(shares, 4)) })
      sumRows(rec, shares, assign({ ...weights.gradientOf(mix), rows: 1, cols: C * 4, stride: C * 4 }))
      const ddecays = rec.tensor('shares of the gradient of decays', rows, 4)
      rec.dispatch(ridgeDecayBackward, fading, { ...faded, dsignals, ddecays })
      sumRows(rec, { ...ddecays, cols: H }, assign(weights.gradientOf(decays)))
      return dx
    },
  }
}
