/** Model configs to start from, by forward FLOPs an example on the bundled log's schema: see `headwater model describe`. */
import type { ModelConfig } from '../config/config.ts'

/**
 * About .2 MFLOP: the main job's, lean enough for a CPU. One token of the event sequence is one fused kernel. Its only level
 * keeps the number of tokens, since the dense ones, all but one of them, are handed on.
 */
const small: ModelConfig = {
  user: {
    tokenWidth: 16,
    bags: 'mean',
    dense: { tokens: 5, standardize: false, encoding: { kind: 'plain' } },
    sequence: { blocks: 0, heads: 1, hidden: 64, pooled: 1, recent: 0 },
    levels: [{ mlp: { tokens: 1, hidden: 256 }, compression: null, cross: null, mixer: null, norm: 'layer' }],
  },
  embeddings: { count: 2, width: 96, norm: 'layer', bound: 16, decorrelation: 0 },
  mix: { width: 16, interaction: { kind: 'grouped', dots: 8 }, hidden: [64] },
  dropout: 0.1,
}

/** About 5 MFLOP: every extractor, an encoding of dense values, and events that attend to each other. */
const base: ModelConfig = {
  user: {
    tokenWidth: 32,
    bags: 'attention',
    dense: { tokens: 8, standardize: true, encoding: { kind: 'piecewise', bins: 8 } },
    sequence: { blocks: 1, heads: 2, hidden: 64, pooled: 4, recent: 8 },
    levels: [
      {
        mlp: { tokens: 3, hidden: 640 },
        compression: { tokens: 2, columns: 8, hidden: 256 },
        cross: { tokens: 2, layers: 2, rank: 64 },
        mixer: { tokens: 2, tokenHidden: 32, channelHidden: 64 },
        norm: 'layer',
      },
      {
        mlp: { tokens: 4, hidden: 768 },
        compression: null,
        cross: { tokens: 2, layers: 2, rank: 64 },
        mixer: null,
        norm: 'layer',
      },
    ],
  },
  embeddings: { count: 2, width: 96, norm: 'layer', bound: 16, decorrelation: 0 },
  mix: { width: 32, interaction: { kind: 'grouped', dots: 8 }, hidden: [128] },
  dropout: 0.1,
}

/** About 200 MFLOP: a tower of the size that SUM (arXiv 2311.09544) runs in a data centre. */
const paper: ModelConfig = {
  user: {
    tokenWidth: 128,
    bags: 'attention',
    dense: { tokens: 16, standardize: true, encoding: { kind: 'piecewise', bins: 16 } },
    sequence: { blocks: 2, heads: 4, hidden: 512, pooled: 16, recent: 32 },
    levels: [
      {
        mlp: { tokens: 8, hidden: 3072 },
        compression: { tokens: 8, columns: 16, hidden: 512 },
        cross: { tokens: 8, layers: 2, rank: 256 },
        mixer: { tokens: 8, tokenHidden: 128, channelHidden: 256 },
        norm: 'layer',
      },
      {
        mlp: { tokens: 8, hidden: 2048 },
        compression: { tokens: 6, columns: 12, hidden: 512 },
        cross: { tokens: 6, layers: 2, rank: 256 },
        mixer: null,
        norm: 'layer',
      },
      {
        mlp: { tokens: 8, hidden: 2048 },
        compression: null,
        cross: { tokens: 4, layers: 2, rank: 256 },
        mixer: null,
        norm: 'layer',
      },
    ],
  },
  embeddings: { count: 2, width: 96, norm: 'layer', bound: 16, decorrelation: 0 },
  mix: { width: 64, interaction: { kind: 'grouped', dots: 8 }, hidden: [512, 256] },
  dropout: 0.1,
}

export type PresetName = 'small' | 'base' | 'paper'

export const presets: Readonly<Record<PresetName, ModelConfig>> = { small, base, paper }
