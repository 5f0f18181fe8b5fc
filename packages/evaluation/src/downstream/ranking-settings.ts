import type { Rates } from '@headwater/training'

/** What a ranking model is and how it is trained, the same for all arms. */
export interface RankingSettings {
  /** AdamW's of dense parameters, row-wise Adagrad's of ids. */
  readonly rates: Rates
  /** L2 penalty on an id's embedding, a lookup. */
  readonly penalty: number
  /** What Adagrad's sums of squares begin at: the larger, the smaller an id's first steps. */
  readonly firstSquare: number
  /** Probability, on hidden units, in training. */
  readonly dropout: number
  /** Of an id's embedding, a multiple of 4. */
  readonly idWidth: number
  /** Units of the two hidden layers. */
  readonly hidden: readonly [number, number]
  /** Weight in the loss of each of the schema's other tasks, beside 1 of the ranked one. */
  readonly otherTasks: number
}

/**
 * Found on rows 72–90 % of the bundled log and of the synthetic one, by what is best for the model without an embedding and does
 * not harm the one that is given a user's features: docs/tuning.md has the figures.
 */
export const defaultRanking: RankingSettings = {
  rates: { dense: 1e-3, tables: 0.28, weightDecay: 0.01 },
  penalty: 0.03,
  firstSquare: 1e-5,
  dropout: 0,
  idWidth: 16,
  hidden: [128, 32],
  otherTasks: 1,
}
