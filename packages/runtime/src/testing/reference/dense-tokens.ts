/** Dense tokens of one row in float64, straight from the formulas. Shape letters: F features, d token width. */
import type { DenseEncoding } from '../../config/config.ts'

/** x̂ of one feature, encoded into as many numbers as the layer's weight has rows for it. */
function encoded(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  encoding: DenseEncoding,
  f: number,
  x: number,
): number[] {
  if (encoding.kind === 'plain') return [x]
  if (encoding.kind === 'periodic') {
    const k = encoding.frequencies
    const angles = [...values.get(`${name}.frequencies`)!.subarray(f * k, (f + 1) * k)].map((c) => 2 * Math.PI * c * x)
    // The flag of a missing value, which no batch has, and three zeros.
    return [...angles.map(Math.sin), ...angles.map(Math.cos), 0, 0, 0, 0]
  }
  const { bins } = encoding
  const edges = values.get(`${name}.edges`)!.subarray(f * (bins + 1), (f + 1) * (bins + 1))
  const components: number[] = []
  for (let t = 0; t < bins; t++) {
    const [low, high] = [edges[t], edges[t + 1]]
    if (low === high) components.push(x >= high ? 1 : 0)
    else {
      const along = (x - low) / (high - low)
      const floor = t === 0 ? Number.NEGATIVE_INFINITY : 0
      const ceiling = t === bins - 1 ? Number.POSITIVE_INFINITY : 1
      components.push(Math.max(floor, Math.min(ceiling, along)))
    }
  }
  while (components.length % 4 !== 0) components.push(0)
  return [...components, 0, 0, 0, 0]
}

/** @returns n_dense · d numbers. `name` is the side's, `user`. */
export function referenceDenseTokens(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  dense: { readonly tokens: number; readonly standardize: boolean; readonly encoding: DenseEncoding },
  width: number,
  x: readonly number[],
): number[] {
  const center = values.get(`${name}.dense.center`)
  const scale = values.get(`${name}.dense.scale`)
  const standard = dense.standardize ? x.map((value, f) => (value - center![f]) * scale![f]) : x
  const e = standard.flatMap((value, f) => encoded(values, `${name}.dense`, dense.encoding, f, value))
  const weight = values.get(`${name}.dense-tokens.weight`)!
  const bias = values.get(`${name}.dense-tokens.bias`)!
  const outputs = dense.tokens * width
  return Array.from({ length: outputs }, (_, o) => {
    let sum = bias[o]
    for (let i = 0; i < e.length; i++) sum += e[i] * weight[i * outputs + o]
    return sum
  })
}
