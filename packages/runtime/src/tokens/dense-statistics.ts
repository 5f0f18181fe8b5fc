/**
 * What is fitted once to the dense values of a first sample, in float64: center and scale of each feature, and the edges
 * between which its piecewise-linear encoding is linear. Shape letters: n sample rows, F features.
 */
import type { NamedMatrix } from '@headwater/snapshot'
import type { Keys } from '../config/config-rules.ts'
import type { Fitted } from '../encodings/encoding.ts'
import { encodings } from '../encodings/encodings.ts'
import type { DenseTokensConfig } from './dense-tokens.ts'

/** Smaller deviations count as this one: a value that hardly varies must not grow without bound when it does. */
const leastDeviation = 1e-3
/** Neighbouring edges closer than this, in deviations, become one: a bin's slope is the inverse of its width. */
const leastWidth = 1e-3

/**
 * Center and scale of every feature, and the constants of its encoding.
 *
 * A feature of one value keeps a scale of 1. Values that are not finite are left out. A feature with fewer than two finite
 * values is left as before the fit, center 0 and scale 1.
 * @param sample [n, F], as feature batches hold dense values
 * @param config undefined: the tower makes no tokens of dense values
 * @returns what the configuration has of `user.dense.center`, `user.dense.scale` [1, F] and the encoding's constants
 * @throws RangeError for a sample of no whole rows
 */
export function fitDense(config: DenseTokensConfig | undefined, sample: Float32Array, F: number): NamedMatrix[] {
  if (F === 0 || !config) return []
  const { standardize, encoding } = config
  if (sample.length % F !== 0)
    throw new RangeError(`A sample of ${sample.length} dense values is no whole number of rows of ${F}.`)
  const center = new Float32Array(F)
  const scale = new Float32Array(F)
  const fitted: Fitted<Keys> | undefined = encoding && encodings[encoding.kind].fitted
  const length = fitted?.length(encoding!) ?? 0
  const constants = new Float32Array(F * length)
  for (let f = 0; f < F; f++) {
    const values = finiteColumn(sample, F, f)
    const deviation = values.length < 2 ? 1 : standardDeviation(values)
    center[f] = standardize && values.length > 1 ? mean(values) : 0
    scale[f] = standardize && deviation > 0 ? 1 / Math.max(deviation, leastDeviation) : 1
    if (!fitted) continue
    // Rounded as the device rounds it, so that a value that many rows have stays on its edge.
    const standardized = values.map((value) => Math.fround(Math.fround(value - center[f]) * scale[f])).sort()
    const least = leastWidth * Math.max(deviation * scale[f], leastDeviation)
    constants.set(fitted.row(encoding!, standardized, least), f * length)
  }
  return [
    ...(standardize
      ? [
          { name: 'user.dense.center', rows: 1, cols: F, data: center },
          { name: 'user.dense.scale', rows: 1, cols: F, data: scale },
        ]
      : []),
    ...(fitted ? [{ name: `user.dense.${fitted.tensor}`, rows: F, cols: length, data: constants }] : []),
  ]
}

function finiteColumn(sample: Float32Array, F: number, f: number): Float64Array {
  const values = new Float64Array(sample.length / F)
  let count = 0
  for (let at = f; at < sample.length; at += F) if (Number.isFinite(sample[at])) values[count++] = sample[at]
  return values.subarray(0, count)
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Exactly 0 where all values are equal. */
function standardDeviation(values: Float64Array): number {
  const first = values[0]
  // Distances from one of the values: large equal ones do not cancel.
  const level = values.reduce((sum, value) => sum + (value - first), 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - first - level) ** 2, 0) / values.length)
}
