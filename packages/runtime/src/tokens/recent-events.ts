import type { InputBatch } from '../inputs/input-batch.ts'
import { asTable, lookUp } from '../inputs/table-lookups.ts'
import { copyTokens, tokenRows } from '../layers/token-matrix.ts'
import type { Recording } from '../plan/recorder.ts'
import { assign, type Tensor } from '../plan/tensor.ts'

/**
 * A row's last n events as tokens y [R, n·d], the latest first, zeros where there are none.
 * @param h events [R·L, d]
 * @returns its backward: the gradient that each event has as a token of its own, [R·L, d]
 */
export function recentEvents(rec: Recording, batch: InputBatch, h: Tensor, y: Tensor): (dy: Tensor) => Tensor {
  const { cols: d } = h
  const { events, tokens } = batch.sequence!.recent!
  const last = rec.tensor('recent events', y.rows, y.cols)
  const rows = tokenRows(last, d)
  lookUp(rec, asTable(h), { ids: events, lengths: batch.ones(rows.rows), most: 1 }, 'sum', rows)
  copyTokens(rec, last, assign(y))
  return (dy) => {
    const dLast = rec.tensor('gradient of recent events', dy.rows, dy.cols)
    copyTokens(rec, dy, assign(dLast))
    const dh = rec.tensor('gradient of events as tokens', h.rows, d)
    lookUp(rec, asTable(tokenRows(dLast, d)), { ids: tokens, lengths: batch.ones(h.rows), most: 1 }, 'sum', dh)
    return dh
  }
}
