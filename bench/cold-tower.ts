import type { ModelConfig } from '@headwater/runtime'

/** What bench:cold builds: the preset `small` as it was when its bounds were set, so that figures can be compared. */
export const coldTower: ModelConfig = {
  user: {
    tokenWidth: 16,
    tokens: [
      { kind: 'dense', tokens: 5 },
      { kind: 'bags', pooling: 'mean' },
      { kind: 'events', pooled: 1 },
    ],
    levels: [{ extractors: [{ kind: 'mlp', tokens: 1, hidden: 256 }], norm: 'layer', residual: true, dense: true }],
  },
  embeddings: { count: 2, width: 96, norm: { kind: 'layer' } },
  mix: { width: 16, interaction: { kind: 'grouped', dots: 8 }, hidden: [64] },
  dropout: 0.1,
}
