/** Small models that between them have every part a tower can have, of awkward sizes. */
import type { Schema } from '@headwater/features'
import type { ModelConfig } from '@headwater/runtime'

export const fullSchema: Schema = {
  version: 1,
  name: 'onnx-test',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [
    { name: 'age', of: 'user', type: 'float', center: 40, scale: 10 },
    { name: 'taste', of: 'user', type: 'vector', size: 3 },
    { name: 'country', of: 'user', type: 'id', buckets: 5 },
    { name: 'tags', of: 'user', type: 'ids', maxValues: 3, buckets: 11 },
    { name: 'price', of: 'item', type: 'float' },
    { name: 'genres', of: 'item', type: 'ids', maxValues: 4, buckets: 7 },
    { name: 'surface', of: 'context', type: 'id', buckets: 3 },
    { name: 'rating', of: 'outcome', type: 'float' },
    { name: 'action', of: 'outcome', type: 'id', buckets: 4 },
  ],
  tasks: [
    { name: 'liked', field: 'rating', atLeast: 4 },
    { name: 'loved', field: 'rating', atLeast: 5 },
    { name: 'rated', field: 'rating', atLeast: 1 },
  ],
  aggregations: [{ name: 'events', of: 'user', kind: 'count' }],
  sequence: { length: 7, value: 'rating', buckets: 13, halfLivesDays: [1, 9], categories: ['action', 'surface'] },
  itemBuckets: 17,
}

const { sequence: _, ...withoutSequence } = fullSchema

/** Two bags of one value, a number, and an item's id. */
const bare: Schema = {
  ...withoutSequence,
  fields: [
    ...fullSchema.fields.filter(({ name }) => ['age', 'country', 'rating'].includes(name)),
    { name: 'city', of: 'user', type: 'id', buckets: 6 },
  ],
  tasks: fullSchema.tasks.slice(0, 1),
}

const plain = { tokens: 2, standardize: false, encoding: { kind: 'plain' } } as const
const mlp = { tokens: 2, hidden: 9 }
const only = { mlp: null, compression: null, cross: null, mixer: null, norm: 'none' } as const

const embeddings = { count: 2, width: 8, norm: 'layer', bound: 1, decorrelation: 0 } as const

export interface TestModel {
  readonly schema: Schema
  readonly config: ModelConfig
  readonly aligned: boolean
}

export const testModels: Readonly<Record<string, TestModel>> = {
  'an MLP, means, one pooled token': {
    schema: { ...fullSchema, sequence: { length: 4, value: 'rating', buckets: 13 } },
    config: {
      user: {
        tokenWidth: 4,
        bags: 'mean',
        dense: plain,
        sequence: { blocks: 0, heads: 1, hidden: 4, pooled: 1, recent: 0 },
        levels: [{ ...only, mlp }],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
      dropout: 0.1,
    },
    aligned: false,
  },
  'every extractor, attention bags, periodic, two blocks, two levels': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 8,
        bags: 'attention',
        dense: { tokens: 3, standardize: true, encoding: { kind: 'periodic', frequencies: 4, sigma: 1 } },
        sequence: { blocks: 2, heads: 2, hidden: 12, pooled: 2, recent: 3 },
        levels: [
          {
            mlp,
            compression: { tokens: 1, columns: 4, hidden: 7 },
            cross: { tokens: 1, layers: 2, rank: 5 },
            mixer: { tokens: 2, tokenHidden: 5, channelHidden: 11 },
            norm: 'layer',
          },
          {
            ...only,
            compression: { tokens: 2, columns: 4, hidden: 8 },
            mixer: { tokens: 1, tokenHidden: 3, channelHidden: 4 },
            norm: 'rms',
          },
        ],
      },
      embeddings: { ...embeddings, count: 3 },
      mix: { width: 8, interaction: { kind: 'pairwise', vectors: 2 }, hidden: [9, 5] },
      dropout: 0,
    },
    aligned: true,
  },
  'piecewise, sums, recent events alone, a bounded head': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 4,
        bags: 'sum',
        dense: { tokens: 1, standardize: true, encoding: { kind: 'piecewise', bins: 5 } },
        sequence: { blocks: 1, heads: 1, hidden: 4, pooled: 0, recent: 7 },
        levels: [{ ...only, cross: { tokens: 3, layers: 1, rank: 3 }, norm: 'rms' }],
      },
      embeddings: { ...embeddings, count: 3, norm: 'bound', bound: 1.5 },
      mix: { width: 4, interaction: { kind: 'grouped', dots: 3 }, hidden: [8, 7, 5] },
      dropout: 0,
    },
    aligned: true,
  },
  'sums of events alone': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 8,
        bags: 'mean',
        dense: plain,
        sequence: { blocks: 0, heads: 1, hidden: 4, pooled: 0, recent: 0, sums: true },
        levels: [{ ...only, mlp, norm: 'layer' }],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
      dropout: 0,
    },
    aligned: false,
  },
  'a sequence that no token is made of': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 4,
        bags: 'mean',
        dense: plain,
        sequence: { blocks: 0, heads: 1, hidden: 4, pooled: 0, recent: 0 },
        levels: [{ ...only, mlp }],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
      dropout: 0,
    },
    aligned: false,
  },
  'no residuals, dense tokens handed to the last level alone': {
    schema: bare,
    config: {
      user: {
        tokenWidth: 4,
        bags: 'mean',
        dense: plain,
        sequence: { blocks: 0, heads: 1, hidden: 4, pooled: 1, recent: 0 },
        levels: [
          {
            ...only,
            mlp,
            cross: { tokens: 3, layers: 1, rank: 3 },
            norm: 'rms',
            residual: false,
            dense: false,
          },
          { ...only, mlp: { tokens: 1, hidden: 5 }, norm: 'layer', residual: false },
          { ...only, mlp: { tokens: 2, hidden: 6 }, dense: false },
        ],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
      dropout: 0,
    },
    aligned: true,
  },
  'few features, no norm': {
    schema: bare,
    config: {
      user: {
        tokenWidth: 12,
        bags: 'attention',
        dense: { ...plain, tokens: 1 },
        sequence: { blocks: 0, heads: 1, hidden: 4, pooled: 1, recent: 0 },
        levels: [{ ...only, mlp: { tokens: 1, hidden: 5 } }],
      },
      embeddings: { ...embeddings, count: 1, width: 12, norm: 'none' },
      mix: { width: 8, interaction: { kind: 'pairwise', vectors: 1 }, hidden: [4] },
      dropout: 0,
    },
    aligned: true,
  },
  'bags and events without dense tokens': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 4,
        bags: 'mean',
        dense: { ...plain, tokens: 0 },
        sequence: { blocks: 0, heads: 1, hidden: 4, pooled: 3, recent: 2 },
        levels: [{ ...only, mixer: { tokens: 3, tokenHidden: 6, channelHidden: 3 }, norm: 'layer' }],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'pairwise', vectors: 3 }, hidden: [6] },
      dropout: 0,
    },
    aligned: false,
  },
}
