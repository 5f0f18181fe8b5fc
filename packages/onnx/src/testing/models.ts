/** Small models that between them have every part a tower can have, of awkward sizes. */
import type { Schema } from '@headwater/features'
import type { ModelConfig } from '@headwater/runtime'

const fullSchema: Schema = {
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
  sequence: {
    ...{ length: 7, value: 'rating', buckets: 13, halfLivesDays: [1, 9] },
    ...{ categories: ['action', 'surface'], calendar: ['hour'] },
  },
  userCalendar: ['weekday'],
  itemBuckets: 17,
}

const { sequence: _, userCalendar: __, ...withoutSequence } = fullSchema

/** Two bags of one value, a number, and an item's id. */
const bare: Schema = {
  ...withoutSequence,
  fields: [
    ...fullSchema.fields.filter(({ name }) => ['age', 'country', 'rating'].includes(name)),
    { name: 'city', of: 'user', type: 'id', buckets: 6 },
  ],
  tasks: fullSchema.tasks.slice(0, 1),
}

const plain = { kind: 'dense', tokens: 2 } as const
const mlp = { kind: 'mlp', tokens: 2, hidden: 9 } as const

const embeddings = { count: 2, width: 8, norm: { kind: 'layer' } } as const

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
        tokens: [plain, { kind: 'bags', pooling: 'mean' }, { kind: 'events', pooled: 1 }],
        levels: [{ extractors: [mlp], residual: true, dense: true }],
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
        tokens: [
          { kind: 'dense', tokens: 3, standardize: true, encoding: { kind: 'periodic', frequencies: 4, sigma: 1 } },
          { kind: 'bags', pooling: 'attention' },
          { kind: 'events', blocks: { count: 2, heads: 2, hidden: 12 }, pooled: 2, recent: 3 },
        ],
        levels: [
          {
            extractors: [
              mlp,
              { kind: 'compression', tokens: 1, columns: 4, hidden: 7 },
              { kind: 'cross', tokens: 1, layers: 2, rank: 5 },
              { kind: 'mixer', tokens: 2, tokenHidden: 5, channelHidden: 11 },
            ],
            norm: 'layer',
            residual: true,
            dense: true,
          },
          {
            extractors: [
              { kind: 'compression', tokens: 2, columns: 4, hidden: 8 },
              { kind: 'mixer', tokens: 1, tokenHidden: 3, channelHidden: 4 },
            ],
            norm: 'rms',
            residual: true,
            dense: true,
          },
        ],
      },
      embeddings: { ...embeddings, count: 3 },
      mix: { width: 8, interaction: { kind: 'pairwise', vectors: 2 }, hidden: [9, 5] },
    },
    aligned: true,
  },
  'piecewise, sums, recent events alone, a bounded head': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 4,
        tokens: [
          { kind: 'dense', tokens: 1, standardize: true, encoding: { kind: 'piecewise', bins: 5 } },
          { kind: 'bags', pooling: 'sum' },
          { kind: 'events', blocks: { count: 1, heads: 1, hidden: 4 }, recent: 7 },
        ],
        levels: [
          { extractors: [{ kind: 'cross', tokens: 3, layers: 1, rank: 3 }], norm: 'rms', residual: true, dense: true },
        ],
      },
      embeddings: { ...embeddings, count: 3, norm: { kind: 'bound', largest: 1.5 } },
      mix: { width: 4, interaction: { kind: 'grouped', dots: 3 }, hidden: [8, 7, 5] },
    },
    aligned: true,
  },
  'sums of events alone': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 8,
        tokens: [plain, { kind: 'bags', pooling: 'mean' }, { kind: 'events', sums: true }],
        levels: [{ extractors: [mlp], norm: 'layer', residual: true, dense: true }],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
    },
    aligned: false,
  },
  'pointwise attention among events, and of queries': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 8,
        tokens: [
          plain,
          {
            kind: 'events',
            blocks: { count: 2, heads: 2, hidden: 5, pointwise: { places: 3, times: 9 } },
            recent: 1,
            pointwise: { queries: 3, places: 2, times: 20 },
          },
        ],
        levels: [{ extractors: [mlp], norm: 'layer', residual: true, dense: true }],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
    },
    aligned: false,
  },
  'a memory that shares its items, of residuals, beside sums': {
    schema: {
      ...fullSchema,
      aggregations: [...fullSchema.aggregations, { name: 'item-rating', of: 'item', kind: 'mean', value: 'rating' }],
      sequence: { ...fullSchema.sequence!, buckets: 17, residual: true },
    },
    config: {
      user: {
        tokenWidth: 4,
        tokens: [
          plain,
          { kind: 'events', sums: true },
          { kind: 'memory', decays: [0.01, 0.3], width: 8, shared: true },
        ],
        levels: [{ extractors: [mlp], residual: true, dense: true }],
      },
      // 24 numbers of the memory take the last two.
      embeddings: { count: 3, width: 16, norm: { kind: 'layer' }, linear: true },
      mix: { width: 8, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
    },
    aligned: true,
  },
  'a memory with items of its own, without a norm': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 8,
        tokens: [{ kind: 'memory', decays: [0.2], width: 12 }, plain],
        levels: [{ extractors: [mlp], residual: true, dense: true }],
      },
      embeddings: { count: 2, width: 16 },
      mix: { width: 4, interaction: { kind: 'pairwise', vectors: 1 }, hidden: [6] },
    },
    aligned: true,
  },
  'no residuals, dense tokens handed to the last level alone': {
    schema: bare,
    config: {
      user: {
        tokenWidth: 4,
        tokens: [plain, { kind: 'bags', pooling: 'mean' }, { kind: 'events', pooled: 1 }],
        levels: [
          {
            extractors: [mlp, { kind: 'cross', tokens: 3, layers: 1, rank: 3 }],
            norm: 'rms',
          },
          { extractors: [{ kind: 'mlp', tokens: 1, hidden: 5 }], norm: 'layer', dense: true },
          { extractors: [{ kind: 'mlp', tokens: 2, hidden: 6 }], residual: true },
        ],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
    },
    aligned: true,
  },
  'few features, no norm': {
    schema: bare,
    config: {
      user: {
        tokenWidth: 12,
        tokens: [
          { ...plain, tokens: 1 },
          { kind: 'bags', pooling: 'attention' },
          { kind: 'events', pooled: 1 },
        ],
        levels: [{ extractors: [{ kind: 'mlp', tokens: 1, hidden: 5 }], residual: true, dense: true }],
      },
      embeddings: { ...embeddings, count: 1, width: 12 },
      mix: { width: 8, interaction: { kind: 'pairwise', vectors: 1 }, hidden: [4] },
    },
    aligned: true,
  },
  'a sequence that no token is made of': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 4,
        tokens: [plain, { kind: 'bags', pooling: 'mean' }],
        levels: [{ extractors: [mlp], norm: 'layer', residual: true, dense: true }],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
    },
    aligned: false,
  },
  'events first, bags that no token is made of': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 4,
        tokens: [{ kind: 'events', pooled: 2 }, plain],
        levels: [{ extractors: [{ kind: 'mixer', tokens: 1, tokenHidden: 3, channelHidden: 3 }, mlp], residual: true }],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
    },
    aligned: false,
  },
  'bags and events without dense tokens': {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth: 4,
        tokens: [
          { kind: 'bags', pooling: 'mean' },
          { kind: 'events', pooled: 3, recent: 2 },
        ],
        levels: [
          {
            extractors: [{ kind: 'mixer', tokens: 3, tokenHidden: 6, channelHidden: 3 }],
            norm: 'layer',
            residual: true,
            dense: true,
          },
        ],
      },
      embeddings,
      mix: { width: 4, interaction: { kind: 'pairwise', vectors: 3 }, hidden: [6] },
    },
    aligned: false,
  },
}
