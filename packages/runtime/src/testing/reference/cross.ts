/** Low-rank deep & cross layers over the tokens of one row in float64. Shape letter: d token width. */
import { referenceAffine } from './mlp.ts'
import { referenceTokenMap } from './token-map.ts'

/** @param layers of crossing @param width d @param x n · d numbers @returns the new tokens, one after the other */
export function referenceCross(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  layers: number,
  width: number,
  x: readonly number[],
): number[] {
  let crossed = [...x]
  for (let l = 1; l <= layers; l++) {
    const down = referenceAffine(values, `${name}.down${l}`, crossed)
    const up = referenceAffine(values, `${name}.up${l}`, down)
    crossed = crossed.map((value, i) => x[i] * up[i] + value)
  }
  return referenceTokenMap(values, `${name}.tokens`, width, crossed)
}
