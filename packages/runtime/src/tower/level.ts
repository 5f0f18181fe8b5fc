/**
 * One level of SUM's user tower (Zhang et al. 2023): S = Concat(extractors, X_dense) + W_r X, and its output Norm(S) token
 * by token. Every extractor adds its tokens to columns of S, so that nothing is concatenated; without W_r X it assigns them.
 * Shape letters: R rows, n tokens of d before the level, m tokens behind it.
 */

import type { LevelConfig } from '../config/config.ts'
import {
  type Compression,
  compressionBackward,
  compressionForward,
  declareCompression,
  type SavedCompression,
} from '../extractors/compression.ts'
import { type Cross, crossBackward, crossForward, declareCross, type SavedCross } from '../extractors/cross.ts'
import { declareMixer, type Mixer, mixerBackward, mixerForward, type SavedMixer } from '../extractors/mixer.ts'
import { declareMlp, type Mlp, mlpBackward, mlpForward, type SavedMlp } from '../extractors/mlp.ts'
import { declareTokenMap, type TokenMap, tokenMapBackward, tokenMapForward } from '../layers/token-map.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import { declareTokenNorm, type TokenNorm, tokenNormBackward, tokenNormForward } from '../layers/token-norm.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Weights } from '../parameters/weights.ts'
import type { Recorder } from '../plan/recorder.ts'
import { columns, type Into, type Tensor } from '../plan/tensor.ts'

export interface Level {
  readonly name: string
  /** m */
  readonly tokens: number
  /** Of these, the dense ones, which are the last; 0 where they are not handed to the level. */
  readonly denseTokens: number
  /** d */
  readonly width: number
  readonly residual: TokenMap | null
  readonly mlp: Mlp | null
  readonly compression: Compression | null
  readonly cross: Cross | null
  readonly mixer: Mixer | null
  readonly norm: TokenNorm | null
}

export interface SavedLevel {
  /** S, [R, m·d]; without a norm it is the output. */
  readonly sum: Tensor
  readonly mlp: SavedMlp | null
  readonly compression: SavedCompression | null
  readonly cross: SavedCross | null
  readonly mixer: SavedMixer | null
}

/** A level's tokens [R, m·d] and, where they are normalized, what the norm's backward takes. */
export interface LevelOutput {
  readonly x: Tensor
  readonly moments: Tensor | null
}

/** @param inputs n @param dense tokens that there are @throws RangeError for a level without tokens, or without its input */
export function declareLevel(
  set: ParameterSet,
  name: string,
  config: LevelConfig,
  inputs: number,
  dense: number,
  width: number,
  dropout: number,
): Level {
  const { mlp, compression, cross, mixer, norm } = config
  const denseTokens = config.dense === false ? 0 : dense
  const tokens = [mlp, compression, cross, mixer].reduce((sum, e) => sum + (e?.tokens ?? 0), denseTokens)
  if (tokens === 0) throw new RangeError(`${name} has no extractor and no dense tokens; give it an extractor.`)
  const hasResidual = config.residual !== false
  if (!hasResidual && tokens === denseTokens)
    throw new RangeError(`${name} has neither an extractor nor a residual; give it one of them.`)
  const numbers = inputs * width
  return {
    name,
    tokens,
    denseTokens,
    width,
    residual: hasResidual ? declareTokenMap(set, `${name}.residual`, inputs, tokens, width) : null,
    mlp: mlp && declareMlp(set, `${name}.mlp`, mlp, numbers, width, dropout),
    compression: compression && declareCompression(set, `${name}.compression`, compression, numbers, width, dropout),
    cross: cross && declareCross(set, `${name}.cross`, cross, numbers, width),
    mixer: mixer && declareMixer(set, `${name}.mixer`, mixer, numbers, width),
    norm: norm === 'none' ? null : declareTokenNorm(set, `${name}.norm`, norm, width),
  }
}

/** The columns of S, or of its gradient, that each extractor and the dense tokens have. */
function slices({ mlp, compression, cross, mixer, denseTokens, width }: Level, sum: Tensor) {
  let from = 0
  const next = (tokens: number): Tensor => {
    const slice = columns(sum, from, tokens * width)
    from += tokens * width
    return slice
  }
  return {
    mlp: next(mlp?.tokens ?? 0),
    compression: next(compression?.tokens ?? 0),
    cross: next(cross?.tokens ?? 0),
    mixer: next(mixer?.tokens ?? 0),
    dense: next(denseTokens),
  }
}

/** The dense tokens' columns of the gradient of S. */
export const denseOf = (level: Level, dSum: Tensor): Tensor => slices(level, dSum).dense

/** @param xDense [R, dense tokens · d], perhaps columns of x; null without dense tokens, and not read by a level without */
export function levelForward(
  rec: Recorder,
  weights: Weights,
  level: Level,
  x: Tensor,
  xDense: Tensor | null,
  training: boolean,
): { output: LevelOutput; saved: SavedLevel } {
  const { mlp, compression, cross, mixer, residual } = level
  const sum = rec.tensor(`sum before ${nameOf(level)}`, x.rows, level.tokens * level.width)
  const to = slices(level, sum)
  const add = (into: Tensor): Into => ({ into, accumulate: residual !== null })
  if (residual) tokenMapForward(rec, weights, residual, x, { into: sum, accumulate: false })
  if (xDense && level.denseTokens > 0) copyTokens(rec, xDense, add(to.dense))
  const saved: SavedLevel = {
    sum,
    mlp: mlp && mlpForward(rec, weights, mlp, x, add(to.mlp), training),
    compression: compression && compressionForward(rec, weights, compression, x, add(to.compression), training),
    cross: cross && crossForward(rec, weights, cross, x, add(to.cross)),
    mixer: mixer && mixerForward(rec, weights, mixer, x, add(to.mixer), training),
  }
  return { output: levelOutput(rec, weights, level, saved), saved }
}

/** The output from S, as the backward makes it anew: only one of the two is saved. */
export function levelOutput(rec: Recorder, weights: Weights, level: Level, { sum }: SavedLevel): LevelOutput {
  if (!level.norm) return { x: sum, moments: null }
  const x = rec.tensor(`behind ${nameOf(level)}`, sum.rows, sum.cols)
  return { x, moments: tokenNormForward(rec, weights, level.norm, sum, x) }
}

const nameOf = ({ norm, name }: Level): string => norm?.gain.name ?? name

/** The gradient of S from that of the output. */
export function levelNormBackward(
  rec: Recorder,
  weights: Weights,
  level: Level,
  { sum }: SavedLevel,
  moments: Tensor | null,
  dy: Tensor,
): Tensor {
  if (!level.norm) return dy
  const dSum = rec.tensor(`gradient of sum before ${nameOf(level)}`, sum.rows, sum.cols)
  tokenNormBackward(rec, weights, level.norm, sum, moments!, dy, { into: dSum, accumulate: false })
  return dSum
}

/** From the gradient of S to that of x; X_dense is left to the caller. */
export function levelBackward(
  rec: Recorder,
  weights: Weights,
  level: Level,
  x: Tensor,
  saved: SavedLevel,
  dSum: Tensor,
  dx: Into,
): void {
  const { mlp, compression, cross, mixer, residual } = level
  const from = slices(level, dSum)
  let { accumulate } = dx
  const next = (): Into => {
    const into = { into: dx.into, accumulate }
    accumulate = true
    return into
  }
  // First those that save a pass over the tokens where they may assign.
  if (mixer) mixerBackward(rec, weights, mixer, x, saved.mixer!, from.mixer, next())
  if (compression) compressionBackward(rec, weights, compression, x, saved.compression!, from.compression, next())
  if (mlp) mlpBackward(rec, weights, mlp, x, saved.mlp!, from.mlp, next())
  if (cross) crossBackward(rec, weights, cross, x, saved.cross!, from.cross, next())
  if (residual) tokenMapBackward(rec, weights, residual, x, dSum, next())
}
