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
import type { Parameter, ParameterSet, Table } from '../parameters/parameter-set.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import { type AttentionPool, attentionPool, attentionPoolGradient, type SavedPool } from './attention-pool.ts'
import type { TokenKind } from './token-kind.ts'

interface Bag {
  readonly pooling: BagPooling
  readonly table: Table
  readonly query: Parameter | null
}

export interface BagTokens {
  /** D */
  readonly width: number
  readonly bags: readonly Bag[]
}

/** Per bag, what attention saved. */
export type SavedBags = readonly (SavedPool | null)[]

/** @param width D, a multiple of 4 */
export function declareBagTokens(
  set: ParameterSet,
  name: string,
  layouts: readonly BagLayout[],
  width: number,
  bags: BagPooling,
): BagTokens {
  return {
    width,
    bags: layouts.map((layout) => {
      const pooling = poolingOf(layout, bags)
      const bag = `${name}.${layout.name}`
      return {
        pooling,
        table: set.table(bag, layout.buckets, width, { uniform: 0.05 }),
        query:
          pooling === 'attention' ? set.declare(`${bag}.query`, 1, width, { uniform: 1 / Math.sqrt(width) }) : null,
      }
    }),
  }
}

const poolOf = ({ table, query }: Bag): AttentionPool => ({ table, parameters: query!, channels: 0 })

/** Assigns y [R, bags · D], a bag after the other; columns of a wider tensor do. */
export function bagTokensForward(rec: ModelRecorder, tokens: BagTokens, batch: InputBatch, y: Tensor): SavedBags {
  return tokens.bags.map((bag, i) => {
    const to = columns(y, i * tokens.width, tokens.width)
    if (bag.pooling === 'attention') return attentionPool(rec, poolOf(bag), batch, batch.bags[i], null, to)
    lookUp(rec, tableVectors(rec.weights, bag.table), batch.bags[i], bag.pooling, to)
    return null
  })
}

/**
 * Assigns the queries' gradients and updates every table that was looked up.
 * @param l2 penalty on a looked-up embedding, a lookup
 */
export function bagTokensBackward(
  rec: ModelRecorder,
  tokens: BagTokens,
  batch: InputBatch,
  saved: SavedBags,
  dy: Tensor,
  l2 = 0,
): void {
  for (const [i, bag] of tokens.bags.entries()) {
    const from = columns(dy, i * tokens.width, tokens.width)
    const pool = saved[i]
    const gradient = pool ? attentionPoolGradient(rec, poolOf(bag), pool, from) : from
    updateTable(rec, bag.table, batch.bagGroups[i], gradient, l2)
  }
}

const keys = { pooling: oneOf('How the values of a bag become its one token', ['mean', 'sum', 'attention']) }

export const bags: TokenKind<typeof keys, BagTokens, SavedBags> = {
  description: 'One token a bag',
  keys,
  sources: (_, layout) => layout.bags.map(({ name }) => ({ from: `bag ${name}`, tokens: 1 })),
  needs: ({ pooling }) => ({ bags: pooling }),
  declare: (set, { pooling }, layout, d) => declareBagTokens(set, 'user', layout.bags, d, pooling),
  forward: bagTokensForward,
  backward: bagTokensBackward,
}
