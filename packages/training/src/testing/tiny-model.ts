import { type ModelConfig, presets } from '@headwater/runtime'

const { small } = presets

/** The small preset, smaller still: K 2 embeddings of D 8. */
export const tinyModel: ModelConfig = {
  user: {
    ...small.user,
    tokenWidth: 4,
    tokens: [{ kind: 'dense', tokens: 1 }, ...small.user.tokens.filter(({ kind }) => kind !== 'dense')],
    levels: [{ extractors: [{ kind: 'mlp', tokens: 1, hidden: 16 }], residual: true, dense: true }],
  },
  embeddings: { ...small.embeddings, width: 8 },
  mix: { width: 4, interaction: { kind: 'grouped', dots: 4 }, hidden: [8] },
  dropout: 0.1,
}
