/**
 * Attention pooling by one query of what a row looks up, by the fused kernel: table rows, plus a mix of channels where
 * there are any. A table in parts is gathered first, as the kernel binds one.
 * Shape letters: R rows, L lookups a row at most, C channels, D width.
 */

import { attentionPoolBackward, attentionPoolForward } from '@headwater/kernels'
import type { InputBatch } from '../inputs/input-batch.ts'
import { type Lookups, lookUp, tableVectors } from '../inputs/table-lookups.ts'
import { sumRows } from '../layers/sum-rows.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, Table } from '../parameters/parameter-set.ts'
import { assign, type Tensor } from '../plan/tensor.ts'

export interface AttentionPool {
  readonly table: Table
  /** [C + 1, D]: the channels' mix, then the query. */
  readonly parameters: Parameter
}

/**
 * y [R, D] = Σ softmax(query · token / √D) token; zeros for a row that looks nothing up.
 * @param channels [R, L, C]; null where C is 0
 * @returns its backward: it assigns the gradient of mix and query, and gives that of what was looked up [R·L, D]
 */
export function attentionPool(
  rec: ModelRecorder,
  { table, parameters }: AttentionPool,
  batch: InputBatch,
  lookups: Lookups,
  channels: Tensor | null,
  y: Tensor,
): (dy: Tensor) => Tensor {
  const { name, width: D } = table
  const { rows: R } = y
  const { lengths, most: L } = lookups
  const { parts } = rec.weights.table(table)
  let [vectors, ids] = [parts[0].values, lookups.ids]
  if (parts.length > 1) {
    vectors = rec.tensor(`rows of ${name}`, R * L, D)
    lookUp(rec, tableVectors(rec.weights, table), { ids, lengths: batch.ones(R * L), most: 1 }, 'sum', vectors)
    ids = batch.places(R * L)
  }
  const inputs = {
    table: vectors,
    ids,
    lengths,
    // Without channels the slot is filled by something that exists.
    channels: channels ?? rec.weights.rates,
    parameters: rec.weights.value(parameters),
  }
  const shape = { R, L, C: parameters.rows - 1, D4: D / 4, V: vectors.rows, pOffset: inputs.parameters.offset / 4 }
  const shapeOf = (y: Tensor) => ({ ...shape, yColumn: y.offset / 4, yRow: y.stride / 4 })
  rec.dispatch(attentionPoolForward, shapeOf(y), { ...inputs, y })
  return (dy) => {
    const dx = rec.tensor(`gradient of lookups in ${name}`, R * L, D)
    const partial = rec.tensor(`partial gradient of pooling of ${name}`, R, parameters.rows * D)
    rec.dispatch(attentionPoolBackward, shapeOf(dy), { ...inputs, dy, dx, partial })
    sumRows(rec, partial, assign(rec.weights.gradientOf(parameters)))
    return dx
  }
}
