/** The head in float64. Shape letters: R rows, K embeddings of D. */

interface HeadSizes {
  readonly count: number
  readonly width: number
  readonly norm: 'layer' | 'bound' | 'none'
  readonly bound: number
}

/** The K · D numbers of one row's embeddings, from its tokens. */
export function referenceHead(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  { count, width, norm, bound }: HeadSizes,
  x: readonly number[],
): number[] {
  const weight = values.get(`${name}.weight`)!
  const bias = values.get(`${name}.bias`)!
  const embeddings: number[] = []
  for (let k = 0; k < count; k++) {
    const e: number[] = []
    for (let d = 0; d < width; d++) {
      let sum = bias[k * width + d]
      for (let i = 0; i < x.length; i++) sum += x[i] * weight[i * count * width + k * width + d]
      e.push(sum)
    }
    let shift = 0
    let scale = 1
    if (norm === 'layer') {
      let variance = 0
      for (const value of e) shift += value / width
      for (const value of e) variance += (value - shift) ** 2 / width
      scale = 1 / Math.sqrt(variance + 1e-5)
    }
    if (norm === 'bound') scale = Math.min(1, bound / Math.hypot(...e))
    for (const value of e) embeddings.push((value - shift) * scale)
  }
  return embeddings
}

/** 1/D Σ_{i≠j} C_ij² of the covariances of the columns, D of them. */
export function referenceDecorrelation(embeddings: readonly (readonly number[])[]): number {
  const R = embeddings.length
  const D = embeddings[0].length
  const means: number[] = []
  for (let d = 0; d < D; d++) {
    let sum = 0
    for (let r = 0; r < R; r++) sum += embeddings[r][d]
    means.push(sum / R)
  }
  let loss = 0
  for (let i = 0; i < D; i++)
    for (let j = 0; j < D; j++) {
      if (i === j) continue
      let covariance = 0
      for (let r = 0; r < R; r++)
        covariance += ((embeddings[r][i] - means[i]) * (embeddings[r][j] - means[j])) / Math.max(1, R - 1)
      loss += covariance ** 2 / D
    }
  return loss
}
