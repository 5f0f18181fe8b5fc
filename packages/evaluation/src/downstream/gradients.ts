/** Gradients of models that are trained a row at a time. */
import type { AdagradBlock } from './adagrad.ts'

/** Part of a loss's gradient: `factor` times `gradient`, with respect to one row of a block of parameters. */
export interface Slope {
  readonly block: AdagradBlock
  readonly row: number
  readonly gradient: Float64Array
  readonly factor: number
  /** L2 penalty on the row, a step. */
  readonly penalty: number
}

/** Steps against slopes that were all computed before the first of them is taken. */
export function descend(slopes: Iterable<Slope>, rate: number): void {
  for (const { block, row, gradient, factor, penalty } of slopes) block.step(row, gradient, factor, rate, penalty)
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit))
}

/** Σ_k a_k b_k of rows that begin at `i` and `j`. */
export function dot(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, width: number): number {
  let sum = 0
  for (let k = 0; k < width; k++) sum += a[i + k] * b[j + k]
  return sum
}
