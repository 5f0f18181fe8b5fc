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
import { assign, columns, type Tensor } from '../plan/tensor.ts'
import { denseValues } from '../tokens/dense-tokens.ts'
import { declareUserTokens } from '../tokens/user-tokens.ts'
import { headEmbeddings, type ModelConfig } from './config.ts'
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
  /** Numbers of the embeddings that the head gives; what tokens keep stands behind them. */
  readonly made: number
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
  const count = headEmbeddings(config, layout)
  const made = count * embeddings.width
  const head = declareHead(set, named(pyramid.tokens, width), { ...embeddings, count })
  const isLinear = embeddings.linear && layout.dense.length > 0
  const path = isLinear ? declareLinear(set, 'user.linear', named(layout.dense), made, { bias: false }) : null
  const valuesOf = denseValues(set)
  return {
    config,
    made,
    dim,
    needs: tokens.needs,
    forward(rec, batch, into, training) {
      const keptOf = (tensor: Tensor) => (made < dim ? columns(tensor, made, dim - made) : null)
      const inputs = tokens.forward(rec, batch, keptOf(into))
      const last = pyramid.forward(rec, inputs.x0, inputs.xDense, training)
      const recorded = head(rec, last.x, into)
      const values = path && valuesOf(rec, batch)
      if (path) linearForward(rec, path, values!, recorded.embeddings, { accumulate: true })
      return (gradient, rowWeights) => {
        decorrelate(rec, embeddings, columns(into, 0, dim), rowWeights, gradient)
        const ofHead = columns(gradient, 0, made)
        if (path) linearBackward(rec, path, values!, ofHead)
        const dx = rec.tensor('gradient of last tokens', last.x.rows, last.x.cols)
        recorded.backward(ofHead, assign(dx))
        inputs.backward(last.backward(dx), keptOf(gradient))
      }
    },
  }
}
