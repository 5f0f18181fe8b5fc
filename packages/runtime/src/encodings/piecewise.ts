/**
 * Each value in T numbers, piecewise linear between quantiles of a first sample (Gorishniy et al. 2022, "On Embeddings for
 * Numerical Features"). Shape letters: R rows, F features, T pieces.
 */
import { padded, piecewiseLinear } from '@headwater/kernels'
import { integer } from '../config/config-rules.ts'
import { named } from '../parameters/axis.ts'
import { type Encoding, flagColumns } from './encoding.ts'

const keys = { bins: integer('Pieces between quantiles of the first examples', 1, 256) }

/**
 * The edges of T pieces, from the smallest value to the largest: quantiles, linear between order statistics. Where many values
 * are equal, edges are equal too, and a piece has no width. Fewer than two values have edges evenly spread over −1 … 1.
 */
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

export const piecewise: Encoding<typeof keys> = {
  description: 'Piecewise linear between quantiles of the first examples',
  keys,
  columns: ({ bins }) => padded(bins) + flagColumns,
  declare(set, name, features, { bins: T }) {
    // Constants, fitted once.
    const own = set.declare(`${name}.edges`, named(features), T + 1, 'zero', { decay: false })
    return (rec, x, y) => {
      const edges = rec.weights.value(own)
      rec.dispatch(
        piecewiseLinear,
        {
          R: x.rows,
          F: x.cols,
          T,
          xOffset: x.offset,
          xRow: x.stride,
          edgeOffset: edges.offset,
          edgeRow: edges.stride,
          yOffset: 0,
          yRow: y.stride / 4,
          yFeature: y.cols / x.cols / 4,
        },
        { x, edges, y },
      )
      return undefined
    }
  },
  fitted: {
    tensor: 'edges',
    length: ({ bins }) => bins + 1,
    row: ({ bins }, sorted, least) => quantileEdges(sorted, bins, least),
  },
}
