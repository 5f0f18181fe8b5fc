/**
 * One level of SUM's user tower (Zhang et al. 2023): S = Concat(extractors, X_dense) + W_r X, and its output Norm(S) token
 * by token. Every extractor adds its tokens to columns of S, so that nothing is concatenated; without W_r X it assigns them.
 * Shape letters: R rows, n tokens of d before the level, m tokens behind it.
 */

import { flag, list, oneOf, optional, type ReadKeys, type Rule, record } from '../config/config-rules.ts'
import type { Extractor, LevelInput } from '../extractors/extractor.ts'
import { extractorRule, extractors } from '../extractors/extractors.ts'
import { declareTokenMap, type TokenMap, tokenMapBackward, tokenMapForward } from '../layers/token-map.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import { declareTokenNorm, type TokenNorm, tokenNormBackward, tokenNormForward } from '../layers/token-norm.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { columns, type Into, type Tensor } from '../plan/tensor.ts'

const keys = {
  extractors: list('Extractors side by side, each kind once', extractorRule, 0, 16),
  norm: optional(oneOf('Of each token that the level gives', ['layer', 'rms'])),
  residual: flag('A map of its input is added to its tokens'),
  dense: flag('The tokens of dense values are handed in again'),
}

export interface LevelConfig extends ReadKeys<typeof keys> {}

export const levelRule: Rule<LevelConfig> = record('A level of the pyramid', keys)

/** One of a level's extractors. */
interface Placed {
  readonly extractor: Extractor
  /** What it declared. */
  readonly layer: unknown
  /** Its columns of S. */
  readonly from: number
  readonly columns: number
}

export interface Level {
  readonly name: string
  /** Names of the m tokens. */
  readonly tokens: readonly string[]
  /** Of these, how many dense ones there are, which are the last. */
  readonly denseTokens: number
  /** d */
  readonly width: number
  readonly residual: TokenMap | null
  readonly extractors: readonly Placed[]
  readonly norm: TokenNorm | null
}

export interface SavedLevel {
  /** S, [R, m·d]; without a norm it is the output. */
  readonly sum: Tensor
  /** Of each extractor. */
  readonly extractors: readonly unknown[]
}

/** A level's tokens [R, m·d] and, where they are normalized, what the norm's backward takes. */
export interface LevelOutput {
  readonly x: Tensor
  readonly moments: Tensor | null
}

/** Tokens that a level's extractors make, by their kinds. */
export const madeTokens = ({
  extractors,
}: LevelConfig): readonly { readonly from: string; readonly tokens: number }[] =>
  extractors.map(({ kind, tokens }) => ({ from: kind, tokens }))

/** @param tokens before the level @param dense names of the dense ones of the inputs */
export function declareLevel(
  set: ParameterSet,
  name: string,
  config: LevelConfig,
  { tokens: before, width, dropout }: Omit<LevelInput, 'centers'>,
  dense: readonly string[],
): Level {
  const again = config.dense ? dense : []
  const made = config.extractors.flatMap(({ kind, tokens }) => Array.from({ length: tokens }, (_, i) => `${kind}/${i}`))
  const tokens = [...made, ...again]
  const input = { tokens: before, width, dropout, centers: config.norm === 'layer' }
  const residual = config.residual
    ? declareTokenMap(set, `${name}.residual`, named(before), named(tokens), width)
    : null
  let from = 0
  const placed = config.extractors.map((own) => {
    const extractor = extractors[own.kind]
    const layer = extractor.declare(set, `${name}.${own.kind}`, own, input)
    const place = { extractor, layer, from, columns: own.tokens * width }
    from += place.columns
    return place
  })
  const norm = config.norm ? declareTokenNorm(set, `${name}.norm`, config.norm, width) : null
  return { name, tokens, denseTokens: again.length, width, residual, extractors: placed, norm }
}

const sliceOf = ({ from, columns: count }: Placed, sum: Tensor): Tensor => columns(sum, from, count)

/** The dense tokens' columns of S, or of its gradient. */
export function denseOf({ tokens, denseTokens, width }: Level, sum: Tensor): Tensor {
  return columns(sum, (tokens.length - denseTokens) * width, denseTokens * width)
}

/** @param xDense [R, dense tokens · d], perhaps columns of x; null without dense tokens, and not read by a level without */
export function levelForward(
  rec: ModelRecorder,
  level: Level,
  x: Tensor,
  xDense: Tensor | null,
  training: boolean,
): { output: LevelOutput; saved: SavedLevel } {
  const { residual } = level
  const sum = rec.tensor(`sum before ${nameOf(level)}`, x.rows, level.tokens.length * level.width)
  const add = (into: Tensor): Into => ({ into, accumulate: residual !== null })
  if (residual) tokenMapForward(rec, residual, x, { into: sum, accumulate: false })
  if (xDense && level.denseTokens > 0) copyTokens(rec, xDense, add(denseOf(level, sum)))
  const saved = {
    sum,
    extractors: level.extractors.map((placed) =>
      placed.extractor.forward(rec, placed.layer, x, add(sliceOf(placed, sum)), training),
    ),
  }
  return { output: levelOutput(rec, level, saved), saved }
}

/** The output from S, as the backward makes it anew: only one of the two is saved. */
export function levelOutput(rec: ModelRecorder, level: Level, { sum }: SavedLevel): LevelOutput {
  if (!level.norm) return { x: sum, moments: null }
  const x = rec.tensor(`behind ${nameOf(level)}`, sum.rows, sum.cols)
  return { x, moments: tokenNormForward(rec, level.norm, sum, x) }
}

const nameOf = ({ norm, name }: Level): string => norm?.gain.name ?? name

/** The gradient of S from that of the output. */
export function levelNormBackward(
  rec: ModelRecorder,
  level: Level,
  { sum }: SavedLevel,
  moments: Tensor | null,
  dy: Tensor,
): Tensor {
  if (!level.norm) return dy
  const dSum = rec.tensor(`gradient of sum before ${nameOf(level)}`, sum.rows, sum.cols)
  tokenNormBackward(rec, level.norm, sum, moments!, dy, { into: dSum, accumulate: false })
  return dSum
}

/** From the gradient of S to that of x; X_dense is left to the caller. */
export function levelBackward(
  rec: ModelRecorder,
  level: Level,
  x: Tensor,
  saved: SavedLevel,
  dSum: Tensor,
  dx: Into,
): void {
  let { accumulate } = dx
  const next = (): Into => {
    const into = { into: dx.into, accumulate }
    accumulate = true
    return into
  }
  // First those that save a pass over the tokens where they may assign.
  const order = level.extractors
    .map((placed, i) => ({ placed, own: saved.extractors[i] }))
    .sort((a, b) => b.placed.extractor.passesToAdd - a.placed.extractor.passesToAdd)
  for (const { placed, own } of order)
    placed.extractor.backward(rec, placed.layer, x, own, sliceOf(placed, dSum), next())
  if (level.residual) tokenMapBackward(rec, level.residual, x, dSum, next())
}
