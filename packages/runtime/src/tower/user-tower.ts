/**
 * The user tower of SUM (arXiv 2311.09544): features as tokens, a pyramid of levels that make them fewer, and a head that
 * makes the embeddings of the last ones. Shape letters: R rows, n tokens of d, K embeddings of D.
 */

import type { SideLayout } from '@headwater/features'
import type { InputBatch, InputNeeds } from '../inputs/input-batch.ts'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { assign, type Tensor } from '../plan/tensor.ts'
import { denseValues } from '../tokens/dense-tokens.ts'
import { declareUserTokens } from '../tokens/user-tokens.ts'
import type { ModelConfig } from './config.ts'
import { declareHead, decorrelate } from './head.ts'
import { declarePyramid } from './pyramid.ts'

/**
 * The backward of a user tower: assigns every gradient of it and updates its tables.
 * @param gradient of the embeddings, lying as they do: same columns of a tensor of the same width. The decorrelation
 *   loss's is added to it.
 * @param rowWeights [1, R], 0 for a row that does not count
 */
export type UserBackward = (gradient: Tensor, rowWeights: Tensor) => void

export interface UserTower {
  readonly config: ModelConfig
  /** K · D */
  readonly dim: number
  /** What an `InputBatch` of users holds. */
  readonly needs: InputNeeds
  /** Writes the embeddings into the first K·D columns of `into`. */
  forward(rec: ModelRecorder, batch: InputBatch, into: Tensor, training: boolean): UserBackward
}

export function declareUserTower(set: ParameterSet, layout: SideLayout, config: ModelConfig): UserTower {
  const { tokens: kinds, levels, tokenWidth: width } = config.user
  const { embeddings, dropout = 0 } = config
  const dim = embeddings.count * embeddings.width
  const tokens = declareUserTokens(set, layout, kinds, width)
  const pyramid = declarePyramid(set, levels, { tokens: tokens.tokens, width, dropout }, tokens.dense)
  const head = declareHead(set, named(pyramid.tokens, width), embeddings)
  const isLinear = embeddings.linear && layout.dense.length > 0
  const path = isLinear ? declareLinear(set, 'user.linear', named(layout.dense), dim, { bias: false }) : null
  const valuesOf = denseValues(set)
  return {
    config,
    dim,
    needs: tokens.needs,
    forward(rec, batch, into, training) {
      const inputs = tokens.forward(rec, batch)
      const last = pyramid.forward(rec, inputs.x0, inputs.xDense, training)
      const made = head(rec, last.x, into)
      const values = path && valuesOf(rec, batch)
      if (path) linearForward(rec, path, values!, made.embeddings, { accumulate: true })
      return (gradient, rowWeights) => {
        decorrelate(rec, embeddings, made.embeddings, rowWeights, gradient)
        if (path) linearBackward(rec, path, values!, gradient)
        const dx = rec.tensor('gradient of last tokens', last.x.rows, last.x.cols)
        made.backward(gradient, assign(dx))
        inputs.backward(last.backward(dx))
      }
    },
  }
}
