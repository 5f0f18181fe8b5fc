/** One level of the user tower, of one row in float64. Shape letter: d token width. */
import type { LevelConfig } from '../../config/config.ts'
import { referenceCompression } from './compression.ts'
import { referenceCross } from './cross.ts'
import { referenceMixer } from './mixer.ts'
import { referenceMlp } from './mlp.ts'
import { referenceTokenMap } from './token-map.ts'
import { referenceTokenNorm } from './token-norm.ts'

/**
 * @param name of the level, `user.level1` for instance
 * @param x the tokens before the level, n · d numbers
 * @param xDense the dense tokens, empty where there are none; a level without them does not look
 * @returns the tokens behind it
 */
export function referenceLevel(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  config: LevelConfig,
  width: number,
  x: readonly number[],
  xDense: readonly number[],
): number[] {
  const extracted: number[] = []
  if (config.mlp) extracted.push(...referenceMlp(values, `${name}.mlp`, x))
  if (config.compression)
    extracted.push(...referenceCompression(values, `${name}.compression`, config.compression.columns, width, x))
  if (config.cross) extracted.push(...referenceCross(values, `${name}.cross`, config.cross.layers, width, x))
  if (config.mixer) extracted.push(...referenceMixer(values, `${name}.mixer`, width, x))
  if (config.dense !== false) extracted.push(...xDense)
  const residual = config.residual === false ? null : referenceTokenMap(values, `${name}.residual`, width, x)
  const sum = residual ? residual.map((value, i) => value + extracted[i]) : extracted
  return config.norm === 'none' ? sum : referenceTokenNorm(values, `${name}.norm`, config.norm, width, sum)
}
