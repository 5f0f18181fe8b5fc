/** Towers small enough for a float64 copy on the CPU, of awkward sizes, with random weights and rows. */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { SeededRandom } from '@headwater/statistics'
import type { Weights } from '../parameters.ts'
import type { TowerConfig } from '../towers/config.ts'

export interface TinyTower {
  readonly user: SideLayout
  readonly item: SideLayout
  readonly tasks: number
  readonly config: TowerConfig
}

const dense = (count: number) => Array.from({ length: count }, (_, i) => `dense ${i}`)

export const tinyTowers: Readonly<Record<string, TinyTower>> = {
  'bags, sequence, three tasks': {
    user: {
      dense: dense(5),
      bags: [
        { name: 'tags', buckets: 7, maxValues: 3 },
        { name: 'country', buckets: 5, maxValues: 1 },
      ],
      sequence: { length: 4, buckets: 9, channels: 2 },
    },
    item: { dense: dense(3), bags: [{ name: 'item', buckets: 11, maxValues: 1 }], sequence: null },
    tasks: 3,
    config: { embeddings: 2, width: 8, sparseWidth: 4, hidden: 10, dropout: 0, dots: 4, mixHidden: 7 },
  },
  'dense values alone, five tasks': {
    user: { dense: dense(9), bags: [], sequence: null },
    item: { dense: dense(1), bags: [], sequence: null },
    tasks: 5,
    config: { embeddings: 1, width: 12, sparseWidth: 8, hidden: 5, dropout: 0, dots: 3, mixHidden: 4 },
  },
  'sequence alone, one dot, one task': {
    user: { dense: dense(4), bags: [], sequence: { length: 6, buckets: 13, channels: 1 } },
    item: { dense: dense(8), bags: [{ name: 'topics', buckets: 6, maxValues: 4 }], sequence: null },
    tasks: 1,
    config: { embeddings: 3, width: 4, sparseWidth: 8, hidden: 16, dropout: 0, dots: 1, mixHidden: 9 },
  },
}

/** Fills every parameter and table, biases too, with normal numbers of a size that keeps activations near 1. */
export function randomizeWeights(weights: Weights, random: SeededRandom): Map<string, Float64Array> {
  const values = new Map<string, Float64Array>()
  for (const { name, rows, cols } of weights.set.entries()) {
    const data = Float32Array.from({ length: rows * cols }, () => random.nextNormal() / Math.sqrt(Math.min(rows, 16)))
    weights.write(name, data)
    values.set(name, Float64Array.from(data))
  }
  return values
}

export function randomBatch(layout: SideLayout, rows: number, random: SeededRandom): SideBatch {
  const floats = (length: number) => Float32Array.from({ length }, () => random.nextNormal())
  const integers = (length: number, below: number) => Uint32Array.from({ length }, () => random.nextBelow(below))
  const { sequence } = layout
  return {
    rows,
    dense: floats(rows * layout.dense.length),
    bags: layout.bags.map(({ buckets, maxValues }) => ({
      ids: integers(rows * maxValues, buckets),
      lengths: integers(rows, maxValues + 1),
    })),
    sequence: sequence && {
      ids: integers(rows * sequence.length, sequence.buckets),
      channels: floats(rows * sequence.length * sequence.channels),
      lengths: integers(rows, sequence.length + 1),
    },
  }
}

/** Rows `from … to − 1` of a batch, as a batch of their own. */
export function sliceBatch(layout: SideLayout, batch: SideBatch, from: number, to: number): SideBatch {
  const D = layout.dense.length
  const { sequence } = batch
  const length = layout.sequence?.length ?? 0
  const channels = length * (layout.sequence?.channels ?? 0)
  return {
    rows: to - from,
    dense: batch.dense.slice(from * D, to * D),
    bags: batch.bags.map(({ ids, lengths }, i) => {
      const M = layout.bags[i].maxValues
      return { ids: ids.slice(from * M, to * M), lengths: lengths.slice(from, to) }
    }),
    sequence: sequence && {
      ids: sequence.ids.slice(from * length, to * length),
      channels: sequence.channels.slice(from * channels, to * channels),
      lengths: sequence.lengths.slice(from, to),
    },
  }
}
