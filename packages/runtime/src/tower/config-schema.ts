/** What a model config may hold, declared once: its JSON Schema and its check. Shape letters: d token width, K embeddings of D. */

import type {
  CompressionConfig,
  CrossConfig,
  DenseEncoding,
  DenseTokensConfig,
  EmbeddingsConfig,
  InteractionConfig,
  LevelConfig,
  MixerConfig,
  MixTowerConfig,
  MlpConfig,
  ModelConfig,
  SequenceConfig,
  UserTowerConfig,
} from '../config/config.ts'
import {
  boolean,
  integer,
  type JsonSchema,
  kinds,
  list,
  number,
  oneOf,
  optional,
  orNull,
  record,
} from '../config/config-rules.ts'
import { checkSizes } from './config-check.ts'

const hidden = (of: string) => integer(`Hidden units ${of}`, 1, 65_536)
const tokens = integer('Tokens that it adds to the level', 1, 4096)

const encoding = kinds<DenseEncoding>('What a dense value becomes before the linear map to tokens', {
  plain: {},
  periodic: {
    frequencies: integer('Sines and cosines of each value', 4, 256, 4),
    sigma: number('Standard deviation of the frequencies at the start', 0.001, 100),
  },
  piecewise: { bins: integer('Pieces between quantiles of the first examples', 1, 256) },
})

const dense = record<DenseTokensConfig>('Dense values', {
  tokens: integer('Tokens made of all dense values; 0: they are not used', 0, 1024),
  standardize: boolean('Center and scale the values by the first examples'),
  encoding,
})

const sequence = record<SequenceConfig>('The event sequence, where the schema has one', {
  blocks: integer('Transformer blocks over the events', 0, 16),
  heads: integer('Heads of their attention; divide the token width into multiples of 4', 1, 64),
  hidden: hidden('of their MLPs'),
  pooled: integer('Tokens pooled from all events, one a query', 0, 256),
  recent: integer('The last events, as tokens of their own', 0, 512),
  sums: optional(boolean("A token for each of the sequence's weights, of all events; none where it is left out")),
})

const level = record<LevelConfig>('Extractors side by side; null: without it', {
  mlp: orNull(record<MlpConfig>('A two-layer MLP over all tokens', { tokens, hidden: hidden('of it') })),
  compression: orNull(
    record<CompressionConfig>('Dot products of the tokens with weighted sums of them', {
      tokens,
      columns: integer('Weighted sums; at most as many as there are tokens', 4, 1024, 4),
      hidden: hidden('of the MLP that gives the weights'),
    }),
  ),
  cross: orNull(
    record<CrossConfig>('Low-rank deep & cross layers', {
      tokens,
      layers: integer('Cross layers', 1, 16),
      rank: integer('Rank of their weights', 1, 4096),
    }),
  ),
  mixer: orNull(
    record<MixerConfig>('An MLP-Mixer block', {
      tokens,
      tokenHidden: hidden('over the tokens'),
      channelHidden: hidden('over the columns of a token'),
    }),
  ),
  norm: oneOf('Of each token', ['layer', 'rms', 'none']),
  residual: optional(boolean('Whether a map of its input is added to its tokens; true where it is left out')),
  dense: optional(boolean('Whether the dense tokens are handed in again; true where it is left out')),
})

export const modelConfigRule = record<ModelConfig>('Sizes of a user tower and of the mix tower trained with it', {
  user: record<UserTowerConfig>('The user tower', {
    tokenWidth: integer('Numbers of a token', 4, 1024, 4),
    bags: oneOf('How the values of a bag become its one token', ['mean', 'sum', 'attention']),
    dense,
    sequence,
    levels: list('Levels of the pyramid, each with fewer tokens than the one before', level, 1, 16),
  }),
  embeddings: record<EmbeddingsConfig>('What is served of a user', {
    count: integer('Embeddings a user', 1, 256),
    width: integer('Numbers of an embedding', 4, 4096, 4),
    norm: oneOf('Of each embedding', ['layer', 'bound', 'none']),
    bound: number('Largest Euclidean norm of an embedding, for the norm "bound"', 0.001, 60_000),
    decorrelation: number('Weight of the decorrelation loss; 0: without', 0, 1_000_000),
  }),
  mix: record<MixTowerConfig>('The mix tower', {
    width: integer('Numbers of a looked-up item or context feature', 4, 1024, 4),
    interaction: kinds<InteractionConfig>('How user and item meet', {
      grouped: { dots: integer('Dot products of slices, which divide all embeddings into multiples of 4', 1, 4096) },
      pairwise: { vectors: integer('Item vectors; all products of them and the embeddings', 1, 256) },
    }),
    hidden: list('Hidden units of each layer', hidden('of the layer'), 1, 8),
  }),
  dropout: number('Probability, on hidden units of MLPs, in training', 0, 0.95),
})

/** The JSON Schema (2020-12) of a model config. What depends on two sizes at once is checked beside it. */
export const modelConfigSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Headwater model config',
  ...modelConfigRule.schema,
}

/**
 * A model config from parsed JSON.
 * @param source name of the file or object, for messages
 * @throws ModelConfigError
 */
export function parseModelConfig(json: unknown, source: string): ModelConfig {
  const config = modelConfigRule.read(json, { source, path: '' })
  checkSizes(config, source)
  return config
}
