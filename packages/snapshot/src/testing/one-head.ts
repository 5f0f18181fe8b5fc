import type { EmbeddingLayout } from '../contents/item-vectors.ts'

/** Embeddings of 6 numbers: two that are learnt, two coefficients, an intercept, and one of nothing. */
export const oneHead: EmbeddingLayout = { learnt: 2, width: 2, heads: [{ coefficients: 2, intercept: 4 }] }
