/** The MLP extractor of one row in float64, straight from its formula. */

/** x W + b, W [in, out]; without a bias where there is none of that name. */
export function referenceAffine(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  x: readonly number[],
): number[] {
  const weight = values.get(`${name}.weight`)!
  const bias = values.get(`${name}.bias`)
  const outputs = weight.length / x.length
  const y: number[] = []
  for (let o = 0; o < outputs; o++) {
    let sum = bias ? bias[o] : 0
    for (let i = 0; i < x.length; i++) sum += x[i] * weight[i * outputs + o]
    y.push(sum)
  }
  return y
}

/** W₂ ReLU(W₁ x + b₁) + b₂. @param x a row's tokens, one after the other @returns its new tokens likewise */
export function referenceMlp(values: ReadonlyMap<string, Float64Array>, name: string, x: readonly number[]): number[] {
  const hidden = referenceAffine(values, `${name}.hidden`, x).map((value) => Math.max(0, value))
  return referenceAffine(values, `${name}.output`, hidden)
}
