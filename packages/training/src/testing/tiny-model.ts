import { type ModelConfig, presets } from '@headwater/runtime'

const { small } = presets

/** The small preset, smaller still: K 2 embeddings of D 8. */
export const tinyModel: ModelConfig = {
  user: {
    ...small.user,
    tokenWidth: 4,
    dense: { ...small.user.dense, tokens: 1 },
    levels: [{ mlp: { tokens: 1, hidden: 16 }, compression: null, cross: null, mixer: null, norm: 'none' }],
  },
  embeddings: { ...small.embeddings, width: 8 },
  mix: { width: 4, interaction: { kind: 'grouped', dots: 4 }, hidden: [8] },
  dropout: 0.1,
}
