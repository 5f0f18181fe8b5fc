/**
 * Attention pooling by one query of what a row looks up, by the fused kernel: table rows, plus a mix of channels where
 * there are any. A table in parts is gathered first, as the kernel binds one.
 * Shape letters: R rows, L lookups a row at most, C channels, D width.
 */

import { attentionPoolBackward, attentionPoolForward, columnSum, columnSumShape } from '@headwater/kernels'
import type { InputBatch } from '../inputs/input-batch.ts'
import { type Lookups, lookUp, tableVectors } from '../inputs/table-lookups.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, Table } from '../parameters/parameter-set.ts'
import type { Weights } from '../parameters/weights.ts'
import type { Tensor } from '../plan/tensor.ts'

export interface AttentionPool {
  readonly table: Table
  /** [C + 1, D]: the channels' mix, then the query. */
  readonly parameters: Parameter
  readonly channels: number
}

export interface SavedPool {
  readonly lookups: Lookups
  /** [R, L, C]; null where C is 0. */
  readonly channels: Tensor | null
  /** What the kernel looks up, and where. */
  readonly table: Tensor
  readonly ids: Tensor
}

function shapeOf(weights: Weights, pool: AttentionPool, { lookups, table }: SavedPool, y: Tensor) {
  return {
    R: y.rows,
    L: lookups.most,
    C: pool.channels,
    D4: pool.table.width / 4,
    V: table.rows,
    pOffset: weights.value(pool.parameters).offset / 4,
    yColumn: y.offset / 4,
    yRow: y.stride / 4,
  }
}

function inputsOf(weights: Weights, pool: AttentionPool, { lookups, channels, table, ids }: SavedPool) {
  return {
    table,
    ids,
    lengths: lookups.lengths,
    // Without channels the slot is filled by something that exists.
    channels: channels ?? weights.rates,
    parameters: weights.value(pool.parameters),
  }
}

/** y [R, D] = Σ softmax(query · token / √D) token; zeros for a row that looks nothing up. */
export function attentionPool(
  rec: ModelRecorder,
  pool: AttentionPool,
  batch: InputBatch,
  lookups: Lookups,
  channels: Tensor | null,
  y: Tensor,
): SavedPool {
  const { parts } = rec.weights.table(pool.table)
  const saved = { lookups, channels, table: parts[0].values, ids: lookups.ids }
  if (parts.length > 1) {
    const count = y.rows * lookups.most
    saved.table = rec.tensor(`rows of ${pool.table.name}`, count, pool.table.width)
    saved.ids = batch.places(count)
    const each = { ids: lookups.ids, lengths: batch.ones(count), most: 1 }
    lookUp(rec, tableVectors(rec.weights, pool.table), each, 'sum', saved.table)
  }
  rec.dispatch(attentionPoolForward, shapeOf(rec.weights, pool, saved, y), { ...inputsOf(rec.weights, pool, saved), y })
  return saved
}

/** Assigns the gradient of mix and query. @returns the gradient of what was looked up [R·L, D], undefined where nothing was. */
export function attentionPoolGradient(rec: ModelRecorder, pool: AttentionPool, saved: SavedPool, dy: Tensor): Tensor {
  const { name, width } = pool.table
  const columns = (pool.channels + 1) * width
  const dx = rec.tensor(`gradient of lookups in ${name}`, dy.rows * saved.lookups.most, width)
  const partial = rec.tensor(`partial gradient of pooling of ${name}`, dy.rows, columns)
  rec.dispatch(attentionPoolBackward, shapeOf(rec.weights, pool, saved, dy), {
    ...inputsOf(rec.weights, pool, saved),
    dy,
    dx,
    partial,
  })
  const output = rec.weights.gradientOf(pool.parameters)
  rec.dispatch(
    columnSum,
    columnSumShape({ R: dy.rows, N4: columns / 4, inRow: partial.stride / 4, outOffset: output.offset / 4 }),
    { input: partial, output },
  )
  return dx
}
