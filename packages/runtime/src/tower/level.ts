/**
 * One level of SUM's user tower (Zhang et al. 2023): S = Concat(extractors, X_dense) + W_r X, and its output Norm(S) token
 * by token. Every extractor adds its tokens to columns of S, so that nothing is concatenated; without W_r X it assigns them.
 * Shape letters: R rows, n tokens of d before the level, m tokens behind it.
 */

import { flag, list, oneOf, optional, type ReadKeys, type Rule, record } from '../config/config-rules.ts'
import type { Extractor, LevelInput } from '../extractors/extractor.ts'
import { extractorRule, extractors } from '../extractors/extractors.ts'
import { declareTokenMap, tokenMapBackward, tokenMapForward } from '../layers/token-map.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import { declareTokenNorm } from '../layers/token-norm.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { assign, columns, type Into, type Tensor } from '../plan/tensor.ts'
import { type TokenSource, tokenNames } from '../tokens/token-kind.ts'

const keys = {
  extractors: list('Extractors side by side, each kind once', extractorRule, 0, 16),
  norm: optional(oneOf('Of each token that the level gives', ['layer', 'rms'])),
  residual: flag('A map of its input is added to its tokens'),
  dense: flag('The tokens of dense values are handed in again'),
}

export interface LevelConfig extends ReadKeys<typeof keys> {}

export const levelRule: Rule<LevelConfig> = record('A level of the pyramid', keys)

/** A level's tokens [R, m·d], and the gradient of S from theirs. */
export interface LevelOutput {
  readonly x: Tensor
  backward(dy: Tensor): Tensor
}

export interface RecordedLevel {
  /** The output from S, as the backward makes it anew: only S is kept. */
  output(): LevelOutput
  /**
   * From the gradient of S to that of x, which is the input as the forward had it, perhaps in other memory; the dense tokens'
   * columns of it are left to the caller.
   */
  backward(x: Tensor, dSum: Tensor, dx: Into): void
}

export interface Level {
  /** Names of the m tokens. */
  readonly tokens: readonly string[]
  /** The dense tokens' columns of S, or of its gradient; null for a level without. */
  denseOf(sum: Tensor): Tensor | null
  /** @param xDense [R, dense tokens · d], perhaps columns of x; null where there are none */
  forward(rec: ModelRecorder, x: Tensor, xDense: Tensor | null, training: boolean): RecordedLevel
}

/** Tokens that a level's extractors make, by their kinds. */
export const madeTokens = ({ extractors }: LevelConfig): readonly TokenSource[] =>
  extractors.map(({ kind, tokens }) => ({ from: kind, tokens }))

/** @param before the tokens before the level @param dense names of the dense ones of the inputs */
export function declareLevel(
  set: ParameterSet,
  name: string,
  config: LevelConfig,
  { tokens: before, width, dropout }: Omit<LevelInput, 'centers'>,
  dense: readonly string[],
): Level {
  const again = config.dense ? dense : []
  const tokens = [...tokenNames(madeTokens(config)), ...again]
  const input = { tokens: before, width, dropout, centers: config.norm === 'layer' }
  const residual = config.residual
    ? declareTokenMap(set, `${name}.residual`, named(before), named(tokens), width)
    : null
  let end = 0
  const placed = config.extractors.map((own) => {
    const { declare, passesToAdd }: Extractor = extractors[own.kind]
    const [from, cols] = [end, own.tokens * width]
    end += cols
    const slice = (sum: Tensor) => columns(sum, from, cols)
    return { layer: declare(set, `${name}.${own.kind}`, own, input), slice, passesToAdd }
  })
  const norm = config.norm ? declareTokenNorm(set, `${name}.norm`, config.norm, width) : null
  const denseOf = (sum: Tensor) => (again.length > 0 ? columns(sum, end, again.length * width) : null)

  return {
    tokens,
    denseOf,
    forward(rec, x, xDense, training) {
      const sum = rec.tensor(`sum of ${name}`, x.rows, tokens.length * width)
      const onto = (into: Tensor): Into => ({ into, accumulate: residual !== null })
      if (residual) tokenMapForward(rec, residual, x, assign(sum))
      const ofDense = denseOf(sum)
      if (xDense && ofDense) copyTokens(rec, xDense, onto(ofDense))
      const made = placed.map((own) => ({ ...own, backward: own.layer(rec, x, onto(own.slice(sum)), training) }))
      return {
        output() {
          if (!norm) return { x: sum, backward: (dy) => dy }
          const y = rec.tensor(`behind ${name}`, sum.rows, sum.cols)
          const normBackward = norm(rec, sum, y)
          const backward = (dy: Tensor) => {
            const dSum = rec.tensor(`gradient of sum of ${name}`, sum.rows, sum.cols)
            normBackward(dy, assign(dSum))
            return dSum
          }
          return { x: y, backward }
        },
        backward(x, dSum, dx) {
          let { accumulate } = dx
          const next = (): Into => {
            const into = { into: dx.into, accumulate }
            accumulate = true
            return into
          }
          // First those that save a pass over the tokens where they may assign.
          for (const { backward, slice } of made.toSorted((a, b) => b.passesToAdd - a.passesToAdd))
            backward(x, slice(dSum), next())
          if (residual) tokenMapBackward(rec, residual, x, dSum, next())
        },
      }
    },
  }
}
