import { product, rowGroups, rowMatrices } from '../layers/product.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import { assign, type Into, type Tensor } from '../plan/tensor.ts'
import { sumScale } from './event-counts.ts'

/**
 * Sums of a row's events by each of the last W channels, assigned to y [R, W·d].
 * @param channels [R·L, C], zero where there is no event @param v events [R·L, d]
 * @returns its backward, which assigns or adds the gradient of v
 */
export function sumEvents(
  rec: ModelRecorder,
  channels: Tensor,
  v: Tensor,
  L: number,
  y: Tensor,
): (dy: Tensor, dv: Into) => void {
  const { cols: d } = v
  const W = y.cols / d
  const weights = rowGroups({ ...channels, cols: W, offset: channels.offset + channels.cols - W }, L)
  const sums = rec.tensor('sums of events', y.rows, y.cols)
  product(rec, { a: weights, aTransposed: true, b: rowGroups(v, L), c: assign(rowMatrices(sums, d)) })
  copyTokens(rec, sums, assign(y), sumScale)
  return (dy, dv) => {
    const scaled = rec.tensor('gradient of sums of events', dy.rows, dy.cols)
    copyTokens(rec, dy, assign(scaled), sumScale)
    product(rec, { a: weights, b: rowMatrices(scaled, d), c: { ...dv, into: rowGroups(dv.into, L) } })
  }
}
