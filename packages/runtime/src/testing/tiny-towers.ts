/** Towers small enough for a float64 copy on the CPU, of awkward sizes, with random weights and rows. */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { SeededRandom } from '@headwater/statistics'
import type { Weights } from '../parameters/weights.ts'
import type { ModelConfig } from '../tower/config.ts'
import type { Float64Tensors } from './float64-tensors.ts'

export interface TinyTower {
  readonly user: SideLayout
  readonly item: SideLayout
  readonly tasks: number
  readonly config: ModelConfig
}

const dense = (count: number) => Array.from({ length: count }, (_, i) => `dense ${i}`)

/**
 * Between them: all extractors, encodings, kinds of tokens and bags, interactions and norms.
 */
export const tinyTowers = {
  'bags, sequence, three tasks': {
    user: {
      dense: dense(5),
      bags: [
        { name: 'tags', buckets: 7, maxValues: 3 },
        { name: 'country', buckets: 5, maxValues: 1 },
      ],
      sequence: { length: 4, buckets: 9, channels: 2, weights: 0, categories: [{ name: 'kind', buckets: 3 }] },
    },
    item: { dense: dense(3), bags: [{ name: 'item', buckets: 11, maxValues: 1 }], sequence: null },
    tasks: 3,
    config: {
      user: {
        tokenWidth: 8,
        tokens: [
          { kind: 'dense', tokens: 2, standardize: true, encoding: { kind: 'periodic', frequencies: 4, sigma: 0.3 } },
          { kind: 'bags', pooling: 'attention' },
          { kind: 'events', blocks: { count: 1, heads: 2, hidden: 6 }, pooled: 2, recent: 2 },
          { kind: 'memory', decays: [0.2], width: 4 },
        ],
        levels: [
          {
            extractors: [
              { kind: 'mlp', tokens: 1, hidden: 7 },
              { kind: 'compression', tokens: 1, columns: 4, hidden: 5 },
              { kind: 'cross', tokens: 1, layers: 2, rank: 3 },
              { kind: 'mixer', tokens: 1, tokenHidden: 5, channelHidden: 6 },
            ],
            norm: 'rms',
            residual: true,
            dense: true,
          },
          {
            extractors: [
              { kind: 'mlp', tokens: 1, hidden: 9 },
              { kind: 'cross', tokens: 1, layers: 1, rank: 5 },
            ],
            norm: 'layer',
            residual: true,
            dense: true,
          },
        ],
      },
      embeddings: { count: 2, width: 8, norm: { kind: 'layer' }, linear: true },
      mix: { width: 4, interaction: { kind: 'pairwise', vectors: 3 }, hidden: [7, 5] },
    },
  },
  'dense values alone, five tasks': {
    user: { dense: dense(9), bags: [], sequence: null },
    item: { dense: dense(1), bags: [], sequence: null },
    tasks: 5,
    config: {
      user: {
        tokenWidth: 4,
        tokens: [
          { kind: 'dense', tokens: 3, standardize: true, encoding: { kind: 'piecewise', bins: 3 } },
          { kind: 'bags', pooling: 'mean' },
          { kind: 'events', pooled: 1 },
        ],
        levels: [{ extractors: [{ kind: 'mlp', tokens: 2, hidden: 5 }], residual: true, dense: true }],
      },
      embeddings: { count: 2, width: 12, norm: { kind: 'bound', largest: 1.5 } },
      mix: { width: 8, interaction: { kind: 'grouped', dots: 3 }, hidden: [4] },
    },
  },
  'one pooled token, one dot, one task': {
    user: {
      dense: dense(4),
      bags: [{ name: 'tags', buckets: 6, maxValues: 4 }],
      sequence: { length: 6, buckets: 13, channels: 1, weights: 0, categories: [] },
    },
    item: { dense: dense(8), bags: [{ name: 'topics', buckets: 6, maxValues: 4 }], sequence: null },
    tasks: 1,
    config: {
      user: {
        tokenWidth: 8,
        tokens: [
          { kind: 'dense', tokens: 1 },
          { kind: 'bags', pooling: 'mean' },
          { kind: 'events', pooled: 1 },
        ],
        levels: [
          { extractors: [{ kind: 'cross', tokens: 1, layers: 1, rank: 2 }], norm: 'rms', residual: true, dense: true },
        ],
      },
      embeddings: { count: 3, width: 4, decorrelation: 0.3, linear: true },
      mix: { width: 8, interaction: { kind: 'grouped', dots: 1 }, hidden: [9] },
    },
  },
  'without residuals, dense tokens in the last level alone, sums of events alone, two tasks': {
    user: {
      dense: dense(6),
      bags: [{ name: 'tags', buckets: 6, maxValues: 3 }],
      sequence: { length: 5, buckets: 7, channels: 3, weights: 2, categories: [{ name: 'kind', buckets: 3 }] },
    },
    item: { dense: dense(3), bags: [], sequence: null },
    tasks: 2,
    config: {
      user: {
        tokenWidth: 4,
        tokens: [
          { kind: 'dense', tokens: 3 },
          { kind: 'bags', pooling: 'mean' },
          { kind: 'events', blocks: { count: 1, heads: 1, hidden: 1 }, sums: true },
        ],
        levels: [
          {
            extractors: [
              { kind: 'mlp', tokens: 2, hidden: 7 },
              { kind: 'cross', tokens: 3, layers: 1, rank: 4 },
            ],
            norm: 'rms',
          },
          { extractors: [{ kind: 'mlp', tokens: 1, hidden: 9 }], norm: 'layer', dense: true },
        ],
      },
      embeddings: { count: 2, width: 8 },
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
    },
  },
  'no dense tokens, events as tokens of every kind, two tasks': {
    user: {
      dense: dense(3),
      bags: [
        { name: 'tags', buckets: 7, maxValues: 3 },
        { name: 'country', buckets: 5, maxValues: 1 },
      ],
      sequence: { length: 5, buckets: 9, channels: 2, weights: 1, categories: [] },
    },
    item: { dense: dense(2), bags: [{ name: 'item', buckets: 11, maxValues: 1 }], sequence: null },
    tasks: 2,
    config: {
      user: {
        tokenWidth: 4,
        tokens: [
          { kind: 'bags', pooling: 'sum' },
          {
            kind: 'events',
            blocks: { count: 1, heads: 1, hidden: 3, pointwise: { places: 2, times: 4 } },
            pooled: 1,
            recent: 3,
            sums: true,
            pointwise: { queries: 2, places: 3, times: 5 },
          },
        ],
        levels: [
          {
            extractors: [
              { kind: 'compression', tokens: 3, columns: 4, hidden: 6 },
              { kind: 'mixer', tokens: 2, tokenHidden: 3, channelHidden: 5 },
            ],
            residual: true,
            dense: true,
          },
          {
            extractors: [{ kind: 'mixer', tokens: 3, tokenHidden: 4, channelHidden: 4 }],
            norm: 'rms',
            residual: true,
            dense: true,
          },
        ],
      },
      embeddings: { count: 1, width: 8, norm: { kind: 'layer' }, decorrelation: 0.5 },
      mix: { width: 4, interaction: { kind: 'pairwise', vectors: 1 }, hidden: [6] },
    },
  },
} satisfies Readonly<Record<string, TinyTower>>

/** What is fitted to the first examples and has no gradient. */
export const fittedConstants: readonly string[] = ['user.dense.center', 'user.dense.scale', 'user.dense.edges']

/** Fills every parameter and table, biases too, with normal numbers of a size that keeps activations near 1. */
export function randomizeWeights(weights: Weights, random: SeededRandom): Float64Tensors {
  const values: Float64Tensors = new Map()
  for (const { name, rows, cols } of weights.set.entries()) {
    const data = Float32Array.from({ length: rows * cols }, () => random.nextNormal() / Math.sqrt(Math.min(rows, 16)))
    // Edges of bins are in order.
    if (name === 'user.dense.edges') for (let f = 0; f < rows; f++) data.subarray(f * cols, (f + 1) * cols).sort()
    weights.write(name, data)
    values.set(name, { rows, cols, data: Float64Array.from(data) })
  }
  return values
}

export function randomBatch(layout: SideLayout, rows: number, random: SeededRandom): SideBatch {
  const floats = (length: number) => Float32Array.from({ length }, () => random.nextNormal())
  const integers = (length: number, below: number) => Uint32Array.from({ length }, () => random.nextBelow(below))
  const { sequence } = layout
  const lengths = integers(rows, (sequence?.length ?? 0) + 1)
  const batch: SideBatch = {
    rows,
    dense: floats(rows * layout.dense.length),
    bags: layout.bags.map(({ buckets, maxValues }) => ({
      ids: integers(rows * maxValues, buckets),
      lengths: integers(rows, maxValues + 1),
    })),
    sequence: sequence && {
      ids: integers(rows * sequence.length, sequence.buckets),
      channels: floats(rows * sequence.length * sequence.channels),
      lengths,
      categories: sequence.categories.map(({ buckets }) => integers(rows * sequence.length, buckets)),
    },
  }
  // Ids may be any behind the events, numbers are zeros there.
  if (sequence) {
    const { length, channels } = sequence
    for (const [row, events] of lengths.entries())
      batch.sequence!.channels.fill(0, (row * length + events) * channels, (row + 1) * length * channels)
  }
  return batch
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
      categories: sequence.categories.map((ids) => ids.slice(from * length, to * length)),
    },
  }
}
