import {
  dotCompressionBackwardLogits,
  dotCompressionBackwardTokens,
  dotCompressionForward,
  padded,
} from '@headwater/kernels'
import type { Lookups } from '../inputs/table-lookups.ts'
import { product } from '../layers/product.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import { add, assign, type Tensor } from '../plan/tensor.ts'

/**
 * Weighted sums of a row's events, one a query, with weights softmax(h · query / √d), assigned to `to` [R, M·d].
 * @param queries [M, d] @param h events [R·L, d]
 * @returns its backward: it assigns dh what comes through the sums, plus `more`, and gives the gradient of the logits
 */
export function poolEvents(
  rec: ModelRecorder,
  queries: Tensor,
  { lengths, most: L }: Lookups,
  h: Tensor,
  to: Tensor,
): (from: Tensor, dh: Tensor, more?: Tensor) => Tensor {
  const { rows: M, cols: d } = queries
  const shape = {
    B: to.rows,
    N: L,
    M,
    D4: d / 4,
    zOffset: 0,
    zRow: padded(M),
    xOffset: 0,
    xRow: d / 4,
    yOffset: 0,
    yRow: d / 4,
    scale: 1 / Math.sqrt(d),
    masked: 1 as const,
  }
  const z = rec.tensor('event logits', h.rows, M)
  product(rec, { a: h, b: queries, bTransposed: true, c: assign(z) })
  const y = rec.tensor('pooled events', to.rows, M * d)
  const lses = rec.tensor('pooling statistics', 1, to.rows * M)
  rec.dispatch(dotCompressionForward, shape, { z, x: h, lengths, y, lses })
  copyTokens(rec, y, assign(to))
  return (from, dh, more) => {
    const dy = rec.tensor('gradient of pooled events', from.rows, from.cols)
    copyTokens(rec, from, assign(dy))
    rec.dispatch(dotCompressionBackwardTokens, shape, { z, lengths, lses, dy, dx: dh })
    const dz = rec.tensor('gradient of event logits', h.rows, M)
    rec.dispatch(dotCompressionBackwardLogits, shape, { z, x: h, lengths, lses, y, dy, dz })
    product(rec, { a: dz, b: queries, residual: more, c: add(dh) })
    return dz
  }
}
