import { sequenceSumsForward } from '@headwater/kernels'
import type { InputBatch } from '../inputs/input-batch.ts'
import { tableVectors, updateTableOfSums, type WeightedSums } from '../inputs/table-lookups.ts'
import { product, rowGroups, rowMatrices } from '../layers/product.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Table } from '../parameters/parameter-set.ts'
import { add, type Tensor } from '../plan/tensor.ts'
import { sumScale } from './event-counts.ts'

/** Backward of sums of events, from their gradient dy. */
interface SumsBackward {
  /** Updates the tables. Their lookups are those of a batch that needs sums alone. */
  alone(dy: Tensor): void
  /** Adds the gradient of what each event looks up, dv [R·L, d]. */
  beside(dy: Tensor, dv: Tensor): void
}

/**
 * Sums of what a row's events look up in the tables, by each of the last W channels, assigned to y [R, W·d]. No vector of
 * an event is stored.
 * @param tables that of ids, then those of categories @param channels [R·L, C], zero where there is no event
 */
export function sumEvents(
  rec: ModelRecorder,
  tables: readonly Table[],
  batch: InputBatch,
  channels: Tensor,
  y: Tensor,
): SumsBackward {
  const { events, categories, groups, categoryGroups } = batch.sequence!
  const { width: d } = tables[0]
  const W = y.cols / d
  const sums: WeightedSums = { channels, count: W, first: channels.cols - W, scale: sumScale }
  const places = { R: y.rows, L: events.most, C: channels.cols, W, first: sums.first, D4: d / 4, scale: sumScale }
  const into = { yColumn: y.offset / 4, yRow: y.stride / 4 }
  for (const [k, ids] of [events.ids, ...categories].entries()) {
    const { rows: V, partRows, bindings } = tableVectors(rec.weights, tables[k])
    const shape = { ...places, ...into, V, partRows, accumulate: k === 0 ? 0 : 1 }
    rec.dispatch(sequenceSumsForward, shape, { ...bindings, ids, lengths: events.lengths, channels, y })
  }
  return {
    alone(dy) {
      for (const [k, lookups] of [groups!, ...categoryGroups].entries())
        updateTableOfSums(rec, tables[k], lookups, sums, dy)
    },
    beside(dy, dv) {
      const scaled = rec.tensor('gradient of sums of events', dy.rows, dy.cols)
      copyTokens(rec, dy, { into: scaled, accumulate: false }, sumScale)
      const weights = rowGroups({ ...channels, cols: W, offset: channels.offset + sums.first }, events.most)
      product(rec, { a: weights, b: rowMatrices(scaled, d), c: add(rowGroups(dv, events.most)) })
    },
  }
}
