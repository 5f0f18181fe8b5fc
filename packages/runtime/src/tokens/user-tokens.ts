/**
 * A user's features as the first token matrix of the tower, X_0 [R, n_0 · d]: dense tokens, a token a bag, pooled and
 * recent events and sums of events. Shape letters: R rows, n_0 tokens of width d.
 */
import type { SideLayout } from '@headwater/features'
import type { UserTowerConfig } from '../config/config.ts'
import type { InputBatch, InputNeeds } from '../inputs/input-batch.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Weights } from '../parameters/weights.ts'
import type { Recorder } from '../plan/recorder.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import { type BagTokens, bagTokensBackward, bagTokensForward, declareBagTokens, type SavedBags } from './bag-tokens.ts'
import {
  type DenseTokens,
  declareDenseTokens,
  denseTokensBackward,
  denseTokensForward,
  type SavedDense,
} from './dense-tokens.ts'
import { eventTokenCount, eventTokens } from './event-tokens.ts'
import {
  declareSequenceTokens,
  type SavedSequence,
  type SequenceTokens,
  sequenceTokensBackward,
  sequenceTokensForward,
} from './sequence-tokens.ts'

export interface UserTokens {
  /** For the `InputBatch`. */
  readonly needs: InputNeeds
  /** d */
  readonly width: number
  /** n_0 */
  readonly count: number
  /** Of these, the first ones that are made of dense values. */
  readonly denseTokens: number
  readonly dense: DenseTokens | null
  readonly bags: BagTokens
  readonly sequence: SequenceTokens | null
}

export interface SavedUserTokens {
  readonly dense: SavedDense | null
  readonly bags: SavedBags
  readonly sequence: SavedSequence | null
}

/** @throws RangeError for a layout that gives no token. */
export function declareUserTokens(set: ParameterSet, layout: SideLayout, config: UserTowerConfig): UserTokens {
  const width = config.tokenWidth
  const dense = declareDenseTokens(set, 'user', layout.dense.length, width, config.dense)
  const bags = declareBagTokens(set, 'user', layout.bags, width, config.bags)
  const events = eventTokenCount(eventTokens(config.sequence, layout.sequence))
  const isUsed = events > 0
  const sequence = isUsed ? declareSequenceTokens(set, 'user.sequence', layout.sequence!, width, config.sequence) : null
  const denseTokens = dense ? config.dense.tokens : 0
  const count = denseTokens + bags.bags.length + events
  if (count === 0)
    throw new RangeError(
      'The user side gives no token: no dense values that are used, no bag, no sequence. Give the schema a user feature.',
    )
  return {
    needs: {
      layout: isUsed ? layout : { ...layout, sequence: null },
      bags: config.bags,
      recent: config.sequence.recent,
    },
    width,
    count,
    denseTokens,
    dense,
    bags,
    sequence,
  }
}

/** Columns of X_0 that each kind of token has. */
function parts({ width, denseTokens, bags, count }: UserTokens, x: Tensor) {
  const fromBags = denseTokens * width
  const fromSequence = fromBags + bags.bags.length * width
  return {
    dense: columns(x, 0, fromBags),
    bags: columns(x, fromBags, fromSequence - fromBags),
    sequence: columns(x, fromSequence, count * width - fromSequence),
  }
}

/** @returns X_0, its dense tokens' columns (null: there are none), and what the backward takes */
export function userTokensForward(
  rec: Recorder,
  weights: Weights,
  tokens: UserTokens,
  batch: InputBatch,
): { x0: Tensor; xDense: Tensor | null; saved: SavedUserTokens } {
  const x0 = rec.tensor('X_0', batch.rows, tokens.count * tokens.width)
  const to = parts(tokens, x0)
  const saved = {
    dense: tokens.dense && denseTokensForward(rec, weights, tokens.dense, batch.dense!, to.dense),
    bags: bagTokensForward(rec, weights, tokens.bags, batch, to.bags),
    sequence: tokens.sequence && sequenceTokensForward(rec, weights, tokens.sequence, batch, to.sequence),
  }
  return { x0, xDense: tokens.dense && to.dense, saved }
}

/**
 * Assigns every parameter's gradient and updates every table that was looked up. `dx0` is the gradient of X_0, what comes
 * through the dense tokens' other uses included.
 */
export function userTokensBackward(
  rec: Recorder,
  weights: Weights,
  tokens: UserTokens,
  batch: InputBatch,
  saved: SavedUserTokens,
  dx0: Tensor,
): void {
  const from = parts(tokens, dx0)
  if (tokens.dense) denseTokensBackward(rec, weights, tokens.dense, saved.dense!, from.dense)
  bagTokensBackward(rec, weights, tokens.bags, batch, saved.bags, from.bags)
  if (tokens.sequence) sequenceTokensBackward(rec, weights, tokens.sequence, batch, saved.sequence!, from.sequence)
}
