/**
 * The user tower of SUM (arXiv 2311.09544): features as tokens, a pyramid of levels that make them fewer, and a head that
 * makes the embeddings of the last ones. Shape letters: R rows, n tokens of d, K embeddings of D.
 */

import type { SideLayout } from '@headwater/features'
import type { InputBatch, InputNeeds } from '../inputs/input-batch.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Tensor } from '../plan/tensor.ts'
import {
  declareUserTokens,
  type SavedUserTokens,
  type UserTokens,
  userTokensBackward,
  userTokensForward,
} from '../tokens/user-tokens.ts'
import type { ModelConfig } from './config.ts'
import { declareHead, decorrelate, type Head, headBackward, headForward, type SavedHead } from './head.ts'
import { declarePyramid, type Pyramid, pyramidBackward, pyramidForward, type SavedPyramid } from './pyramid.ts'

export interface UserTower {
  readonly config: ModelConfig
  /** K · D */
  readonly dim: number
  /** What an `InputBatch` of users holds. */
  readonly needs: InputNeeds
  readonly tokens: UserTokens
  readonly pyramid: Pyramid
  readonly head: Head
}

export interface SavedUser {
  readonly tokens: SavedUserTokens
  readonly pyramid: SavedPyramid
  /** Tokens of the last level [R, n·d]. */
  readonly x: Tensor
  readonly head: SavedHead
}

export function declareUserTower(set: ParameterSet, layout: SideLayout, config: ModelConfig): UserTower {
  const { tokens: kinds, levels, tokenWidth: width } = config.user
  const tokens = declareUserTokens(set, layout, kinds, width)
  const input = { tokens: tokens.tokens, width, dropout: config.dropout ?? 0 }
  const pyramid = declarePyramid(set, levels, input, tokens.dense)
  const { count, width: D } = config.embeddings
  const head = declareHead(set, named(pyramid.tokens, width), config.embeddings)
  return { config, dim: count * D, needs: tokens.needs, tokens, pyramid, head }
}

/** Writes the embeddings into the first K·D columns of `into`. */
export function userForward(
  rec: ModelRecorder,
  tower: UserTower,
  batch: InputBatch,
  into: Tensor,
  training: boolean,
): SavedUser {
  const { x0, xDense, saved: tokens } = userTokensForward(rec, tower.tokens, batch)
  const { x, saved: pyramid } = pyramidForward(rec, tower.pyramid, x0, xDense, training)
  return { tokens, pyramid, x, head: headForward(rec, tower.head, x, into) }
}

/**
 * Assigns every gradient of the tower and updates its tables.
 * @param gradient of the embeddings, lying as they do: same columns of a tensor of the same width. The decorrelation
 *   loss's is added to it.
 * @param rowWeights [1, R], 0 for a row that does not count
 */
export function userBackward(
  rec: ModelRecorder,
  tower: UserTower,
  batch: InputBatch,
  { tokens, pyramid, x, head }: SavedUser,
  gradient: Tensor,
  rowWeights: Tensor,
): void {
  decorrelate(rec, tower.config.embeddings, head.embeddings, rowWeights, gradient)
  const dx = rec.tensor('gradient of last tokens', x.rows, x.cols)
  headBackward(rec, tower.head, x, head, gradient, { into: dx, accumulate: false })
  const { dx0 } = pyramidBackward(rec, tower.pyramid, pyramid, dx)
  userTokensBackward(rec, tower.tokens, batch, tokens, dx0)
}
