/**
 * The user pyramid of SUM (Zhang et al. 2023): levels one after the other, each with the dense tokens handed in again.
 * Shape letters: R rows, n₀ tokens of d before the first level, N levels.
 */

import type { LevelInput } from '../extractors/extractor.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { add, assign, columns, type Tensor } from '../plan/tensor.ts'
import { declareLevel, type Level, type LevelConfig, type LevelOutput } from './level.ts'

/** The last level's tokens, and the backward from their gradient to dx0 [R, n₀·d], a whole tensor. */
export interface RecordedPyramid {
  readonly x: Tensor
  backward(dx: Tensor): Tensor
}

export interface Pyramid {
  /** Names of the tokens behind the last level. */
  readonly tokens: readonly string[]
  /**
   * @param x0 the input tokens [R, n₀·d], a whole tensor
   * @param xDense those columns of x0 that hold the dense tokens; null where there are none
   */
  forward(rec: ModelRecorder, x0: Tensor, xDense: Tensor | null, training: boolean): RecordedPyramid
}

/**
 * Declares `user.level1`, `user.level2`, …
 * @param configs of the levels, at least one
 * @param input the n₀ tokens before the first level
 * @param dense names of the dense ones among these
 */
export function declarePyramid(
  set: ParameterSet,
  configs: readonly LevelConfig[],
  input: Omit<LevelInput, 'centers'>,
  dense: readonly string[],
): Pyramid {
  let { tokens } = input
  const levels = configs.map((config, k): Level => {
    const level = declareLevel(set, `user.level${k + 1}`, config, { ...input, tokens }, dense)
    tokens = level.tokens
    return level
  })
  return {
    tokens,
    forward(rec, x0, xDense, training) {
      const inputs: LevelOutput = { x: x0, backward: (dy) => dy }
      let last = inputs
      const recorded = levels.map((level) => {
        const made = level.forward(rec, last.x, xDense, training)
        last = made.output()
        return made
      })
      return {
        x: last.x,
        backward(dx) {
          let dDense: Tensor | null = null
          let gradient = dx
          let output = last
          for (let k = levels.length - 1; k >= 0; k--) {
            const dSum = output.backward(gradient)
            const ofDense = levels[k].denseOf(dSum)
            if (xDense && ofDense) {
              const accumulate = dDense !== null
              dDense ??= rec.tensor('gradient of dense tokens', x0.rows, xDense.cols)
              copyTokens(rec, ofDense, { into: dDense, accumulate })
            }
            output = k > 0 ? recorded[k - 1].output() : inputs
            gradient = rec.tensor(`gradient before level ${k + 1}`, x0.rows, output.x.cols)
            recorded[k].backward(output.x, dSum, assign(gradient))
          }
          if (xDense && dDense) copyTokens(rec, dDense, add(columns(gradient, xDense.offset - x0.offset, xDense.cols)))
          return gradient
        },
      }
    },
  }
}
