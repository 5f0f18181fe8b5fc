/**
 * Bags of ids as one vector each: mean, sum or attention of their embeddings, zero for an empty bag. Attention weighs a
 * value by softmax over the bag of query · embedding / √D; a bag of one value at most has no query.
 * Shape letters: R rows, M values of a bag at most, D width.
 */

import type { BagLayout } from '@headwater/features'
import { oneOf } from '../config/config-rules.ts'
import { type BagPooling, type InputBatch, poolingOf } from '../inputs/input-batch.ts'
import { lookUp, tableVectors, updateTable } from '../inputs/table-lookups.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import { attentionPool } from './attention-pool.ts'
import type { TokenKind } from './token-kind.ts'

/**
 * Assigns y [R, bags · D], a bag after the other; columns of a wider tensor do.
 * @returns its backward, which assigns the queries' gradients and updates every table that was looked up; `l2` is a penalty
 * on a looked-up embedding, a lookup
 */
export type BagTokens = (rec: ModelRecorder, batch: InputBatch, y: Tensor) => (dy: Tensor, l2?: number) => void

/** @param width D, a multiple of 4 */
export function declareBagTokens(
  set: ParameterSet,
  name: string,
  layouts: readonly BagLayout[],
  width: number,
  bags: BagPooling,
): BagTokens {
  const declared = layouts.map((layout) => {
    const pooling = poolingOf(layout, bags)
    const bag = `${name}.${layout.name}`
    const table = set.table(bag, layout.buckets, width, { uniform: 0.05 })
    if (pooling !== 'attention') return { pooling, table }
    const parameters = set.declare(`${bag}.query`, 1, width, { uniform: 1 / Math.sqrt(width) })
    return { pooling, table, parameters }
  })
  return (rec, batch, y) => {
    const of = (tensor: Tensor, i: number) => columns(tensor, i * width, width)
    const pools = declared.map((bag, i) => {
      if (bag.pooling === 'attention') return attentionPool(rec, bag, batch, batch.bags[i], null, of(y, i))
      lookUp(rec, tableVectors(rec.weights, bag.table), batch.bags[i], bag.pooling, of(y, i))
      return null
    })
    return (dy, l2 = 0) => {
      for (const [i, pool] of pools.entries()) {
        const gradient = of(dy, i)
        updateTable(rec, declared[i].table, batch.bagGroups[i], pool ? pool(gradient) : gradient, l2)
      }
    }
  }
}

const keys = { pooling: oneOf('How the values of a bag become its one token', ['mean', 'sum', 'attention']) }

export const bags: TokenKind<typeof keys> = {
  description: 'One token a bag',
  keys,
  sources: (_, layout) => layout.bags.map(({ name }) => ({ from: `bag ${name}`, tokens: 1 })),
  needs: ({ pooling }) => ({ bags: pooling }),
  declare: (set, { pooling }, layout, d) => {
    const tokens = declareBagTokens(set, 'user', layout.bags, d, pooling)
    return (rec, batch, y) => {
      const backward = tokens(rec, batch, y)
      return (dy) => backward(dy)
    }
  },
}
