import { presets } from '@headwater/runtime'

const { small } = presets
/** A model config that trains in seconds on a software adapter. */
export const tinyModel = {
  ...small,
  user: {
    ...small.user,
    tokenWidth: 4,
    dense: { tokens: 4, standardize: false, encoding: { kind: 'plain' } },
    levels: [{ mlp: { tokens: 2, hidden: 16 }, compression: null, cross: null, mixer: null, norm: 'none' }],
  },
  embeddings: { ...small.embeddings, width: 8 },
  mix: { width: 4, interaction: { kind: 'grouped', dots: 4 }, hidden: [8] },
}
