/**
 * The attention of a transformer block among the events of a row: softmax over all of them, or causal and pointwise, by SiLU.
 * Shape letters: R rows, L events a row at most, d token width, H heads.
 */
import {
  attentionBackwardKeyValue,
  attentionBackwardQuery,
  attentionForward,
  pointwiseAttentionBackwardKeyValue,
  pointwiseAttentionBackwardQuery,
  pointwiseAttentionForward,
} from '@headwater/kernels'
import type { ReadKeys } from '../config/config-rules.ts'
import type { SequenceInputs } from '../inputs/input-batch.ts'
import { sumRows } from '../layers/sum-rows.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { assign, type Tensor } from '../plan/tensor.ts'
import type { bucketKeys } from './pointwise-events.ts'

/**
 * Assigns y [R·L, d] from queries, keys and values side by side, qkv [R·L, 3·d], zeros where there is no event.
 * @returns its backward, which assigns dqkv
 */
export type BlockAttention = (
  rec: ModelRecorder,
  sequence: SequenceInputs,
  qkv: Tensor,
  y: Tensor,
) => (dy: Tensor, dqkv: Tensor) => void

const placesOf = (d: number, H: number) => ({
  ...{ H, D: d / H, qOffset: 0, kOffset: d, vOffset: 2 * d, row: 3 * d, yOffset: 0, yRow: d },
})

export function softmaxAttention(name: string, d: number, H: number): BlockAttention {
  return (rec, { events }, qkv, y) => {
    const { lengths, most: L } = events
    const shape = { B: y.rows / L, L, ...placesOf(d, H), causal: 0 as const }
    const lses = rec.tensor(`attention statistics of ${name}`, 1, y.rows * H)
    rec.dispatch(attentionForward, shape, { qkv, lengths, y, lses })
    return (dy, dqkv) => {
      const deltas = rec.tensor(`attention deltas of ${name}`, 1, y.rows * H)
      rec.dispatch(attentionBackwardQuery, shape, { qkv, lengths, lses, y, dy, dqkv, deltas })
      rec.dispatch(attentionBackwardKeyValue, shape, { qkv, lengths, lses, deltas, dy, dqkv })
    }
  }
}

/** Weights of a full row add up to some √L at the start. */
export const blockScale = (L: number): number => 1 / Math.sqrt(L)

export function declarePointwiseAttention(
  set: ParameterSet,
  name: string,
  d: number,
  H: number,
  { places: P, times: T }: ReadKeys<typeof bucketKeys>,
): BlockAttention {
  const parameter = set.declare(`${name}.biases`, H, P + T, 'one', { decay: false })
  return (rec, { events, rows, ages }, qkv, y) => {
    const L = events.most
    const biases = rec.weights.value(parameter)
    const { stride: biasRow } = biases
    const size = { B: y.rows / L, L, N: y.rows, P, T, biasRow, scale: blockScale(L), fill: 1 }
    const shape = { ...size, ...placesOf(d, H) }
    const inputs = { qkv, rows: rows!, ages: ages!, biases }
    rec.dispatch(pointwiseAttentionForward, shape, { ...inputs, y })
    return (dy, dqkv) => {
      const partial = rec.tensor(`shares of the gradient of ${name}`, size.B * Math.ceil(L / 8), H * biasRow)
      rec.dispatch(pointwiseAttentionBackwardQuery, shape, { ...inputs, dy, dqkv, partial })
      rec.dispatch(pointwiseAttentionBackwardKeyValue, shape, { ...inputs, dy, dqkv })
      sumRows(rec, partial, assign(rec.weights.gradientOf(parameter)))
    }
  }
}
