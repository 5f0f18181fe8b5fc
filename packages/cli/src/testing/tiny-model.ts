import { presets } from '@headwater/runtime'

const { small } = presets
/** A model config that trains in seconds on a software adapter. */
export const tinyModel = {
  ...small,
  user: {
    ...small.user,
    tokenWidth: 4,
    tokens: [{ kind: 'dense', tokens: 4 }, ...small.user.tokens.filter(({ kind }) => kind !== 'dense')],
    levels: [{ extractors: [{ kind: 'mlp', tokens: 2, hidden: 16 }], residual: true, dense: true }],
  },
  embeddings: { ...small.embeddings, width: 8 },
  mix: { width: 4, interaction: { kind: 'grouped', dots: 4 }, hidden: [8] },
}
