/**
 * Ridge regressions, one a row and head, of residuals on vectors. Event l < lengths[r] of row r has φ = [vectors[r, l] | 1] and,
 * for head h, a weight w ≥ 0 and a residual ρ; with A = Σ_l w φφᵀ + diag exp(ridge[h]), which is positive definite,
 *   coefficients m = A⁻¹ Σ_l w ρ φ.
 * Shape letters: R rows, L events, H heads (at most 4), D4 vec4 of a vector (at most 16), P4 = D4 + 1 vec4 of coefficients: those of
 * the vector, then the intercept and three zeros. Of signals an event has two vec4, weights and residuals by head.
 */
import type { ReferenceArrays } from '@headwater/gpu'
import { exampleLengths } from '../attention/example-lengths.ts'
import { reads } from '../wgsl/bindings.ts'
import { all } from '../wgsl/uniforms.ts'

/** Of H and of a vector's numbers. */
export const ridgeLimits = { heads: 4, width: 64 } as const

export const ridgeUniforms = all('size', 'R', 'L', 'H', 'D4')

export type RidgeInputs = 'vectors' | 'signals' | 'lengths' | 'ridge'

export const ridgeBindings = {
  ...reads('vec4f', 'vectors', 'signals'),
  ...reads('u32', 'lengths'),
  ...reads('vec4f', 'ridge'),
} as const

export interface RidgeSizes {
  readonly R: number
  readonly L: number
  readonly H: number
  readonly D4: number
}

/** vec4 of all coefficients of R rows. */
export const coefficientQuads = ({ R, H, D4 }: RidgeSizes): number => R * H * (D4 + 1)

export const ridgeInputSizes = ({ R, L, H, D4 }: RidgeSizes) => ({
  vectors: R * L * D4,
  signals: R * L * 2,
  lengths: R,
  ridge: H * (D4 + 1),
})

/** Weights of [0, 1), residuals of [−1, 1). */
export function exampleEvents({ R, L }: RidgeSizes, random: () => number) {
  const signals = Float32Array.from({ length: R * L * 8 }, (_, i) => (i % 8 < 4 ? random() : 2 * random() - 1))
  return { signals, lengths: exampleLengths(R, L, random) }
}

/** φ of an event, in float64. */
export function phiOf({ D4 }: RidgeSizes, { vectors }: ReferenceArrays<'vectors'>, event: number): number[] {
  const D = D4 * 4
  return [...vectors.subarray(event * D, (event + 1) * D), 1]
}

/** A of a row and head in float64, row by row, and its right side. */
export function normalEquations(s: RidgeSizes, x: ReferenceArrays<RidgeInputs>, r: number, h: number) {
  const P = s.D4 * 4 + 1
  const A = Array.from({ length: P }, (_, i) => {
    const row = new Array<number>(P).fill(0)
    row[i] = Math.exp(x.ridge[h * (s.D4 + 1) * 4 + i]!)
    return row
  })
  const b = new Array<number>(P).fill(0)
  for (let l = 0; l < x.lengths[r]!; l++) {
    const event = r * s.L + l
    const [weight, residual] = [x.signals[event * 8 + h]!, x.signals[event * 8 + 4 + h]!]
    const phi = phiOf(s, x, event)
    for (let i = 0; i < P; i++) {
      b[i]! += weight * residual * phi[i]!
      for (let j = 0; j < P; j++) A[i]![j]! += weight * phi[i]! * phi[j]!
    }
  }
  return { A, b }
}

/** A⁻¹ b by Cholesky factors; all NaN where a number of either is not finite. */
export function solvePositive(A: readonly (readonly number[])[], b: readonly number[]): number[] {
  if (![...b, ...A.flat()].every(Number.isFinite)) return b.map(() => Number.NaN)
  const L = A.map(() => new Array<number>(b.length).fill(0))
  for (let i = 0; i < b.length; i++)
    for (let j = 0; j <= i; j++) {
      let sum = A[i]![j]!
      for (let k = 0; k < j; k++) sum -= L[i]![k]! * L[j]![k]!
      L[i]![j] = i === j ? Math.sqrt(sum) : sum / L[j]![j]!
    }
  const x = [...b]
  for (let i = 0; i < x.length; i++) {
    for (let k = 0; k < i; k++) x[i]! -= L[i]![k]! * x[k]!
    x[i]! /= L[i]![i]!
  }
  for (let i = x.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < x.length; k++) x[i]! -= L[k]![i]! * x[k]!
    x[i]! /= L[i]![i]!
  }
  return x
}
