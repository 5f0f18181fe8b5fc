/** Tokens by pointwise attention of learnt queries to a row's events. Shape letters: R rows, L events, M queries, d width. */
import { pointwisePoolBackward, pointwisePoolForward } from '@headwater/kernels'
import { integer, type ReadKeys } from '../config/config-rules.ts'
import type { InputBatch } from '../inputs/input-batch.ts'
import { sumRows } from '../layers/sum-rows.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { assign, columns, type Into, type Tensor } from '../plan/tensor.ts'

/** What pointwise attention adds to a score. */
export const bucketKeys = {
  places: integer('Buckets of how many events lie between, by powers of two', 1, 12),
  times: integer('Buckets of how many seconds lie between, by powers of two', 1, 32),
}

/** Of tokens, between an event and now. */
export const pointwiseKeys = { queries: integer('Tokens, one a query', 1, 64), ...bucketKeys }

/** A full row of L events whose weights are SiLU of its start comes to some 7 √L times an event. */
export const pointwiseScale = (L: number): number => 4 / Math.sqrt(L)

/**
 * Assigns y [R, M·d], pooled from events h [R·L, d].
 * @returns its backward: it assigns the gradients of queries and biases, and assigns or adds to that of h
 */
type PointwiseEvents = (rec: ModelRecorder, batch: InputBatch, h: Tensor, y: Tensor) => (dy: Tensor, dh: Into) => void

export function declarePointwiseEvents(
  set: ParameterSet,
  name: string,
  d: number,
  { queries: M, places: P, times: T }: ReadKeys<typeof pointwiseKeys>,
): PointwiseEvents {
  const queries = set.declare(`${name}.queries`, M, d, { uniform: 1 / Math.sqrt(d) })
  // At one, every event counts from the start, and gradients reach queries and events.
  const biases = set.declare(`${name}.biases`, M, P + T, 'one', { decay: false })
  return (rec, batch, h, y) => {
    const { events, rows, ages } = batch.sequence!
    const L = events.most
    const inputs = {
      x: h,
      rows: rows!,
      ages: ages!,
      queries: rec.weights.value(queries),
      biases: rec.weights.value(biases),
    }
    const { stride: biasRow } = inputs.biases
    const size = { B: y.rows, L, N: h.rows, M, D4: d / 4, P, T, biasRow, scale: pointwiseScale(L) }
    const shapeOf = ({ offset, stride }: Tensor, accumulate: 0 | 1) => {
      return { ...size, yColumn: offset / 4, yRow: stride / 4, accumulate, fill: accumulate ? 0 : 1 }
    }
    rec.dispatch(pointwisePoolForward, shapeOf(y, 0), { ...inputs, y })
    return (dy, { into: dx, accumulate }) => {
      const partial = rec.tensor(`shares of the gradient of ${name}`, dy.rows, M * (d + biasRow))
      rec.dispatch(pointwisePoolBackward, shapeOf(dy, accumulate ? 1 : 0), { ...inputs, dy, dx, partial })
      sumRows(rec, columns(partial, 0, M * d), assign(rec.weights.gradientOf(queries)))
      sumRows(rec, columns(partial, M * d, M * biasRow), assign(rec.weights.gradientOf(biases)))
    }
  }
}
