/** A linear map over the tokens of one row in float64. Shape letters: n tokens in, m out, d token width. */

/** Y = W X + b, W [m, n], b a number a token of Y, where there is one. @param x n · d numbers @returns m · d */
export function referenceTokenMap(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  width: number,
  x: readonly number[],
): number[] {
  const weight = values.get(`${name}.weight`)!
  const bias = values.get(`${name}.bias`)
  const n = x.length / width
  const y: number[] = []
  for (let i = 0; i < weight.length / n; i++)
    for (let e = 0; e < width; e++) {
      let sum = bias ? bias[i] : 0
      for (let j = 0; j < n; j++) sum += weight[i * n + j] * x[j * width + e]
      y.push(sum)
    }
  return y
}
