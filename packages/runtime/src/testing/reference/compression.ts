/** The attentive dot compression of one row in float64. Shape letters: n tokens of d, C columns. */
import { referenceAffine } from './mlp.ts'

/** @param columns C @param width d @param x n · d numbers @returns the new tokens, one after the other */
export function referenceCompression(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  columns: number,
  width: number,
  x: readonly number[],
): number[] {
  const n = x.length / width
  const hidden = referenceAffine(values, `${name}.hidden`, x).map((value) => Math.max(0, value))
  const z = referenceAffine(values, `${name}.logits`, hidden)
  const sums: number[][] = []
  for (let c = 0; c < columns; c++) {
    const powers: number[] = []
    for (let i = 0; i < n; i++) powers.push(Math.exp(z[i * columns + c]))
    const total = powers.reduce((a, b) => a + b, 0)
    const sum = new Array<number>(width).fill(0)
    for (let i = 0; i < n; i++) for (let e = 0; e < width; e++) sum[e] += (powers[i] / total) * x[i * width + e]
    sums.push(sum)
  }
  const products: number[] = []
  for (let i = 0; i < n; i++)
    for (const sum of sums) {
      let dot = 0
      for (let e = 0; e < width; e++) dot += x[i * width + e] * sum[e]
      products.push(dot / Math.sqrt(width))
    }
  return referenceAffine(values, `${name}.output`, products)
}
