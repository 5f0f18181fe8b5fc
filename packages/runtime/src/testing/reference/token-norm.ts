/** Layer norm and RMS norm of each token of one row in float64. Shape letter: d token width. */

/** (x − mean) / √(var + ε) · gain + shift for each token; 'rms': x / √(mean x² + ε) · gain. */
export function referenceTokenNorm(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  kind: 'layer' | 'rms',
  width: number,
  x: readonly number[],
): number[] {
  const gain = values.get(`${name}.gain`)!
  const y: number[] = []
  for (let from = 0; from < x.length; from += width) {
    const token = x.slice(from, from + width)
    const mean = kind === 'layer' ? token.reduce((a, b) => a + b, 0) / width : 0
    const square = token.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width
    for (let e = 0; e < width; e++) {
      const normalized = (token[e] - mean) / Math.sqrt(square + 1e-5)
      y.push(kind === 'layer' ? normalized * gain[e] + values.get(`${name}.shift`)![e] : normalized * gain[e])
    }
  }
  return y
}
