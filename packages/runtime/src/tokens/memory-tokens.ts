/**
 * The ridge memory: of each user small regressions of what is left of an event's outcome on item vectors, solved anew at each refresh.
 * Heads differ in how fast events fade. Their coefficients are tokens, by a linear map, and stand in the embeddings as they are, for the
 * mix tower to multiply by the item's vector. Shape letters: R rows, L events, H heads, D width of a vector, M = H · (D + 4), d token width.
 */

import type { SideLayout } from '@headwater/features'
import { flag, integer, list, number, type ReadKeys } from '../config/config-rules.ts'
import { lookUp, tableVectors, updateTable } from '../inputs/table-lookups.ts'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { declareRidgeMemory, interceptColumns, ridgeMemory } from '../layers/ridge-memory.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { add, assign, columns } from '../plan/tensor.ts'
import type { TokenKind, TokenLayer } from './token-kind.ts'

const keys = {
  decays: list(
    'For each head the rate by which the weight of an event falls with each later one, at the start',
    number('a later event', 0.0001, 2),
    1,
    4,
  ),
  width: integer('Numbers of an item vector', 4, 64, 4),
  shared: flag("Item vectors are those of the mix tower's items, whose width this is then"),
}

/** Place among an event's channels of the flag that its outcome is missing; `channels` where there is none. */
export const missingChannel = ({ channels, weights }: NonNullable<SideLayout['sequence']>): number =>
  channels - weights >= 3 ? 2 : channels

/** Of the channel that residuals start from: the outcome's own, or its outcome itself where events have none. */
const residualChannel = ({ channels, weights }: NonNullable<SideLayout['sequence']>): number =>
  channels - weights >= 4 ? 3 : 0

/** Name of the table of item vectors. */
export const memoryTable = (shared: true | undefined): string => (shared ? 'item.item' : 'user.memory.vectors')

function declare(
  set: ParameterSet,
  { decays, width, shared }: ReadKeys<typeof keys>,
  { sequence }: SideLayout,
  d: number,
): TokenLayer {
  const { buckets, channels: C } = sequence!
  const H = decays.length
  const M = H * (width + interceptColumns)
  const table = set.table(memoryTable(shared), buckets, width, { uniform: 0.05 })
  const memory = declareRidgeMemory(set, 'user.memory', decays, width, C, residualChannel(sequence!))
  const tokens = declareLinear(set, 'user.memory.tokens', M, H * d)
  return (rec, batch, y, kept) => {
    const { events, channels, groups, vectorGroups } = batch.sequence!
    const count = batch.rows * events.most
    const vectors = rec.tensor('vectors of events', count, width)
    const lookups = { ids: events.ids, lengths: batch.ones(count), most: 1 }
    lookUp(rec, tableVectors(rec.weights, table), lookups, 'sum', vectors)
    const given = { lengths: events.lengths, vectors, flag: missingChannel(sequence!) }
    const whole = { ...channels!, rows: count, cols: C, stride: C }
    const { coefficients, backward } = ridgeMemory(rec, memory, { ...given, channels: whole }, batch.rows)
    linearForward(rec, tokens, coefficients, y)
    if (kept) {
      copyTokens(rec, coefficients, assign(columns(kept, 0, M)))
      const rest = columns(kept, M, kept.cols - M)
      if (rest.cols > 0) copyTokens(rec, { ...batch.zeros(rest.cols), rows: batch.rows, stride: 0 }, assign(rest))
    }
    return (dy, dKept) => {
      const dm = rec.tensor('gradient of ridge coefficients', batch.rows, M)
      if (dKept) copyTokens(rec, columns(dKept, 0, M), assign(dm))
      linearBackward(rec, tokens, coefficients, dy, dKept ? add(dm) : assign(dm))
      updateTable(rec, table, (vectorGroups ?? groups)!, backward(dm))
    }
  }
}

export const memory: TokenKind<typeof keys> = {
  description: 'Regressions of what is left of the outcomes of events on item vectors',
  keys,
  sources: ({ decays }, { sequence }) =>
    sequence && sequence.channels > 0 ? [{ from: 'memory of events', tokens: decays.length }] : [],
  needs: (_, layout) => ({ layout, vectors: true }),
  kept: ({ decays, width }) => decays.length * (width + interceptColumns),
  declare,
}
