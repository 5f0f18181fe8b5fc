import type { InputBatch } from '../inputs/input-batch.ts'
import { lookUp, tableVectors } from '../inputs/table-lookups.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Table } from '../parameters/parameter-set.ts'
import { add, type Tensor } from '../plan/tensor.ts'

/**
 * v [R·L, d], what an event looks up in each table: by its id in the first, then by its categories. Places without an event
 * hold some vector, which nothing reads, or has a weight of 0.
 */
export function eventVectors(rec: ModelRecorder, tables: readonly Table[], batch: InputBatch): Tensor {
  const { events, categories } = batch.sequence!
  const count = batch.rows * events.most
  const lengths = batch.ones(count)
  const gathered = (table: Table, ids: Tensor) => {
    const y = rec.tensor(`rows of ${table.name}`, count, table.width)
    lookUp(rec, tableVectors(rec.weights, table), { ids, lengths, most: 1 }, 'sum', y)
    return y
  }
  const v = gathered(tables[0], events.ids)
  for (const [k, ids] of categories.entries()) copyTokens(rec, gathered(tables[k + 1], ids), add(v))
  return v
}
