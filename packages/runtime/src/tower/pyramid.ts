/**
 * The user pyramid of SUM (Zhang et al. 2023): levels one after the other, each with the dense tokens handed in again.
 * Shape letters: R rows, n₀ tokens of d before the first level, N levels.
 */

import type { LevelInput } from '../extractors/extractor.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import {
  declareLevel,
  denseOf,
  type Level,
  type LevelConfig,
  type LevelOutput,
  levelBackward,
  levelForward,
  levelNormBackward,
  levelOutput,
  type SavedLevel,
} from './level.ts'

export interface Pyramid {
  readonly levels: readonly Level[]
  /** Names of the tokens behind the last level. */
  readonly tokens: readonly string[]
}

export interface SavedPyramid {
  readonly x0: Tensor
  readonly xDense: Tensor | null
  readonly levels: readonly SavedLevel[]
  readonly last: LevelOutput
}

/**
 * Declares `user.level1`, `user.level2`, …
 * @param levels at least one
 * @param input the n₀ tokens before the first level
 * @param dense names of the dense ones among these
 */
export function declarePyramid(
  set: ParameterSet,
  levels: readonly LevelConfig[],
  input: Omit<LevelInput, 'centers'>,
  dense: readonly string[],
): Pyramid {
  const declared: Level[] = []
  let { tokens } = input
  for (const [k, config] of levels.entries()) {
    const level = declareLevel(set, `user.level${k + 1}`, config, { ...input, tokens }, dense)
    declared.push(level)
    tokens = level.tokens
  }
  return { levels: declared, tokens }
}

/**
 * @param x0 the input tokens [R, n₀·d], a whole tensor
 * @param xDense those columns of x0 that hold the dense tokens; null where there are none
 * @returns x, the last level's tokens, and what the backward needs
 */
export function pyramidForward(
  rec: ModelRecorder,
  pyramid: Pyramid,
  x0: Tensor,
  xDense: Tensor | null,
  training: boolean,
): { x: Tensor; saved: SavedPyramid } {
  let last: LevelOutput = { x: x0, moments: null }
  const levels: SavedLevel[] = []
  for (const level of pyramid.levels) {
    const { output, saved } = levelForward(rec, level, last.x, xDense, training)
    levels.push(saved)
    last = output
  }
  return { x: last.x, saved: { x0, xDense, levels, last } }
}

/** Gradients of parameters are assigned. @param dx of the last level's tokens @returns dx0, [R, n₀·d], a whole tensor */
export function pyramidBackward(
  rec: ModelRecorder,
  pyramid: Pyramid,
  { x0, xDense, levels, last }: SavedPyramid,
  dx: Tensor,
): { dx0: Tensor } {
  let dDense: Tensor | null = null
  let gradient = dx
  let output = last
  for (let k = levels.length - 1; k >= 0; k--) {
    const level = pyramid.levels[k]
    const dSum = levelNormBackward(rec, level, levels[k], output.moments, gradient)
    if (xDense && level.denseTokens > 0) {
      const accumulate = dDense !== null
      dDense ??= rec.tensor('gradient of dense tokens', x0.rows, xDense.cols)
      copyTokens(rec, denseOf(level, dSum), { into: dDense, accumulate })
    }
    output = k > 0 ? levelOutput(rec, pyramid.levels[k - 1], levels[k - 1]) : { x: x0, moments: null }
    gradient = rec.tensor(`gradient before level ${k + 1}`, x0.rows, output.x.cols)
    levelBackward(rec, level, output.x, levels[k], dSum, { into: gradient, accumulate: false })
  }
  if (xDense && dDense)
    copyTokens(rec, dDense, {
      into: columns(gradient, xDense.offset - x0.offset, xDense.cols),
      accumulate: true,
    })
  return { dx0: gradient }
}
