/** Model configs to start from, by forward FLOPs an example on the bundled log's schema: see `headwater model describe`. */
import type { ModelConfig } from './config.ts'

const embeddings = { count: 2, width: 96, norm: { kind: 'layer' } } as const
/** Of a level, all but its extractors. */
const whole = { norm: 'layer', residual: true, dense: true } as const

/**
 * About .13 MFLOP: the main job's, lean enough for a CPU. One token of the event sequence is one fused kernel. Its only level
 * keeps the number of tokens, since the dense ones, all but one of them, are handed on. Its embeddings are narrow: of wide ones
 * a downstream model of 100,000 rows learns more noise than they tell (docs/tuning.md).
 */
const small: ModelConfig = {
  user: {
    tokenWidth: 16,
    tokens: [
      { kind: 'dense', tokens: 5, standardize: true },
      { kind: 'bags', pooling: 'mean' },
      { kind: 'events', pooled: 1 },
    ],
    levels: [{ extractors: [{ kind: 'mlp', tokens: 1, hidden: 256 }], ...whole }],
  },
  embeddings: { count: 2, width: 32, norm: { kind: 'layer' }, linear: true },
  mix: { width: 16, interaction: { kind: 'grouped', dots: 8 }, hidden: [64] },
  dropout: 0.1,
}

/** About 5 MFLOP: every extractor, an encoding of dense values, and events that attend to each other. */
const base: ModelConfig = {
  user: {
    tokenWidth: 32,
    tokens: [
      { kind: 'dense', tokens: 8, standardize: true, encoding: { kind: 'piecewise', bins: 8 } },
      { kind: 'bags', pooling: 'attention' },
      { kind: 'events', blocks: { count: 1, heads: 2, hidden: 64 }, pooled: 4, recent: 8 },
    ],
    levels: [
      {
        extractors: [
          { kind: 'mlp', tokens: 3, hidden: 640 },
          { kind: 'compression', tokens: 2, columns: 8, hidden: 256 },
          { kind: 'cross', tokens: 2, layers: 2, rank: 64 },
          { kind: 'mixer', tokens: 2, tokenHidden: 32, channelHidden: 64 },
        ],
        ...whole,
      },
      {
        extractors: [
          { kind: 'mlp', tokens: 4, hidden: 768 },
          { kind: 'cross', tokens: 2, layers: 2, rank: 64 },
        ],
        ...whole,
      },
    ],
  },
  embeddings,
  mix: { width: 32, interaction: { kind: 'grouped', dots: 8 }, hidden: [128] },
  dropout: 0.1,
}

/** About 200 MFLOP: a tower of the size that SUM (arXiv 2311.09544) runs in a data centre. */
const paper: ModelConfig = {
  user: {
    tokenWidth: 128,
    tokens: [
      { kind: 'dense', tokens: 16, standardize: true, encoding: { kind: 'piecewise', bins: 16 } },
      { kind: 'bags', pooling: 'attention' },
      { kind: 'events', blocks: { count: 2, heads: 4, hidden: 512 }, pooled: 16, recent: 32 },
    ],
    levels: [
      {
        extractors: [
          { kind: 'mlp', tokens: 8, hidden: 3072 },
          { kind: 'compression', tokens: 8, columns: 16, hidden: 512 },
          { kind: 'cross', tokens: 8, layers: 2, rank: 256 },
          { kind: 'mixer', tokens: 8, tokenHidden: 128, channelHidden: 256 },
        ],
        ...whole,
      },
      {
        extractors: [
          { kind: 'mlp', tokens: 8, hidden: 2048 },
          { kind: 'compression', tokens: 6, columns: 12, hidden: 512 },
          { kind: 'cross', tokens: 6, layers: 2, rank: 256 },
        ],
        ...whole,
      },
      {
        extractors: [
          { kind: 'mlp', tokens: 8, hidden: 2048 },
          { kind: 'cross', tokens: 4, layers: 2, rank: 256 },
        ],
        ...whole,
      },
    ],
  },
  embeddings,
  mix: { width: 64, interaction: { kind: 'grouped', dots: 8 }, hidden: [512, 256] },
  dropout: 0.1,
}

export type PresetName = 'small' | 'base' | 'paper'

export const presets: Readonly<Record<PresetName, ModelConfig>> = { small, base, paper }
