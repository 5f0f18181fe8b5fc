/** An MLP-Mixer block and a map over tokens, of one row in float64. Shape letter: d token width. */
import { referenceAffine } from './mlp.ts'
import { referenceTokenMap } from './token-map.ts'
import { referenceTokenNorm } from './token-norm.ts'

const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

/** @param width d @param x n · d numbers @returns the new tokens, one after the other */
export function referenceMixer(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  width: number,
  x: readonly number[],
): number[] {
  const across = referenceTokenNorm(values, `${name}.token-norm`, 'layer', width, x)
  const tokenHidden = referenceTokenMap(values, `${name}.token-hidden`, width, across).map(gelu)
  const y = referenceTokenMap(values, `${name}.token-output`, width, tokenHidden).map((value, i) => x[i] + value)
  const along = referenceTokenNorm(values, `${name}.channel-norm`, 'layer', width, y)
  const z: number[] = []
  for (let from = 0; from < y.length; from += width) {
    const hidden = referenceAffine(values, `${name}.channel-hidden`, along.slice(from, from + width)).map(gelu)
    for (const [e, value] of referenceAffine(values, `${name}.channel-output`, hidden).entries())
      z.push(y[from + e] + value)
  }
  return referenceTokenMap(values, `${name}.tokens`, width, z)
}
