/**
 * What is fitted once to the dense values of a first sample, in float64: center and scale of each feature, and the edges
 * between which its piecewise-linear encoding is linear. Shape letters: n sample rows, F features.
 */
import type { NamedMatrix } from '@headwater/snapshot'
import type { DenseTokensConfig } from '../config/config.ts'

/** Smaller deviations count as this one: a value that hardly varies must not grow without bound when it does. */
const leastDeviation = 1e-3
/** Neighbouring edges closer than this, in deviations, become one: a bin's slope is the inverse of its width. */
const leastWidth = 1e-3

/**
 * Center, scale and edges of every feature.
 *
 * Edges are quantiles of the standardized values, linear between order statistics, as Gorishniy et al. 2022 ("On
 * Embeddings for Numerical Features") take them; where many values are equal, edges are equal too, and a bin has no width.
 * A feature of one value keeps a scale of 1. Values that are not finite are left out. A feature with fewer than two finite
 * values is left as before the fit, center 0 and scale 1, with edges evenly spread over −1 … 1.
 * @param sample [n, F], as feature batches hold dense values
 * @returns what the configuration has of `user.dense.center`, `user.dense.scale` [1, F] and `user.dense.edges` [F, bins + 1]
 * @throws RangeError for a sample of no whole rows
 */
export function fitDense(
  { tokens, standardize, encoding }: DenseTokensConfig,
  sample: Float32Array,
  F: number,
): NamedMatrix[] {
  if (F === 0 || tokens === 0) return []
  if (sample.length % F !== 0)
    throw new RangeError(`A sample of ${sample.length} dense values is no whole number of rows of ${F}.`)
  const center = new Float32Array(F)
  const scale = new Float32Array(F)
  const bins = encoding.kind === 'piecewise' ? encoding.bins : 0
  const edges = new Float32Array(F * (bins + 1))
  for (let f = 0; f < F; f++) {
    const values = finiteColumn(sample, F, f)
    const deviation = values.length < 2 ? 1 : standardDeviation(values)
    center[f] = standardize && values.length > 1 ? mean(values) : 0
    scale[f] = standardize && deviation > 0 ? 1 / Math.max(deviation, leastDeviation) : 1
    if (bins === 0) continue
    // Rounded as the device rounds it, so that a value that many rows have stays on its edge.
    const standardized = values.map((value) => Math.fround(Math.fround(value - center[f]) * scale[f])).sort()
    const least = leastWidth * Math.max(deviation * scale[f], leastDeviation)
    edges.set(quantileEdges(standardized, bins, least), f * (bins + 1))
  }
  return [
    ...(standardize
      ? [
          { name: 'user.dense.center', rows: 1, cols: F, data: center },
          { name: 'user.dense.scale', rows: 1, cols: F, data: scale },
        ]
      : []),
    ...(bins > 0 ? [{ name: 'user.dense.edges', rows: F, cols: bins + 1, data: edges }] : []),
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

/** The bins + 1 edges, from the smallest value to the largest. */
function quantileEdges(sorted: Float64Array, bins: number, least: number): Float64Array {
  const edges = new Float64Array(bins + 1)
  for (let t = 0; t <= bins; t++) {
    if (sorted.length < 2) {
      edges[t] = (2 * t) / bins - 1
      continue
    }
    const place = (t / bins) * (sorted.length - 1)
    const low = Math.floor(place)
    const high = Math.min(low + 1, sorted.length - 1)
    const edge = Math.fround(sorted[low] + (place - low) * (sorted[high] - sorted[low]))
    edges[t] = t > 0 && edge - edges[t - 1] < least ? edges[t - 1] : edge
  }
  return edges
}
