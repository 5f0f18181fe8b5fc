/**
 * Bootstrap clustered by user, by item, or both: rows of one user are not independent, nor are those of one item. Each draw weighs
 * whole clusters (`cluster-weights.ts`), rows with both by the product, the pigeonhole bootstrap (Owen 2007). With one way rows are
 * summed by cluster once, so that a draw costs O(clusters) however long the log.
 * Shape letters: R rows, C clusters, K sums a cluster.
 */

import { countPositives, type Numbers, requireFinite, requireRows, requireSameLength } from '../sample/binary-data.ts'
import { interpolatedPercentiles } from '../sample/percentiles.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { meanAndSd } from '../sample/summary.ts'
import { binaryEntropy } from '../scores/normalized-entropy.ts'
import { ClusterWeights } from './cluster-weights.ts'

/**
 * Numbers [R] of the rows' users, or of several ways in which rows belong together, such as [users, items]. A number's weight is the
 * same in whichever rows it stands.
 */
export type Clusters = Uint32Array | readonly Uint32Array[]

export interface BootstrapInterval {
  /** The statistic of the rows as they are. */
  readonly value: number
  /** Percentile interval, 95 %. */
  readonly low: number
  readonly high: number
  /** Standard deviation over the draws; 2.8 of them is the effect that 80 % power would detect. */
  readonly standardError: number
}

export interface BootstrapOptions {
  /** ≥ 1,000 */
  readonly draws: number
  /** An integer. */
  readonly seed: number
}

/**
 * Relative gain in normalized entropy of B over A, (NE_A − NE_B) / NE_A, on the same rows. Both share the base rate's
 * entropy in every draw, so it cancels and labels are not needed: the gain is 1 − ΣlossB / ΣlossA.
 * Losses [R] in nats.
 * @throws StatisticsError on unequal lengths, no rows, a loss that is not finite, fewer than 2 clusters or 1,000 draws.
 */
export function pairedClusterBootstrap(
  data: { readonly clusters: Clusters; readonly lossA: Numbers; readonly lossB: Numbers } & BootstrapOptions,
): BootstrapInterval {
  const { clusters, lossA, lossB } = data
  requireSameLength('lossA', lossA, 'lossB', lossB)
  return clusterBootstrap(clusters, [lossA, lossB], data, ([sumA, sumB]) => {
    if (sumA <= 0)
      throw new StatisticsError('lossA sums to 0 in a draw: a relative gain over a perfect arm is undefined')
    return (sumA - sumB) / sumA
  })
}

/**
 * Normalized entropy of one arm; the base rate is drawn along with the losses.
 * @throws StatisticsError as `pairedClusterBootstrap`, and on rows of one class only.
 */
export function normalizedEntropyBootstrap(
  data: { readonly clusters: Clusters; readonly losses: Numbers; readonly labels: Numbers } & BootstrapOptions,
): BootstrapInterval {
  const { clusters, losses, labels } = data
  requireSameLength('losses', losses, 'labels', labels)
  countPositives(labels)
  return clusterBootstrap(clusters, [losses, labels], data, ([loss, positives], rows) => {
    return loss / rows / binaryEntropy(positives / rows)
  })
}

/**
 * Any statistic of column sums. Each of the K columns has R values; `statistic` gets the K sums and the number of rows of a draw, both
 * weighted, the sums in an array that the next draw overwrites.
 * @throws StatisticsError on unequal lengths, no rows, a value that is not finite, fewer than 2 clusters of a way or 1,000 draws.
 */
export function clusterBootstrap(
  clusters: Clusters,
  columns: readonly Numbers[],
  { draws, seed }: BootstrapOptions,
  statistic: (sums: Float64Array, rows: number) => number,
): BootstrapInterval {
  const ways = (clusters instanceof Uint32Array ? [clusters] : clusters).map(placesOf)
  columns.forEach((column, k) => {
    for (const { places } of ways) requireSameLength(`columns[${k}]`, column, 'clusters', places)
    for (let row = 0; row < column.length; row++) requireFinite(`columns[${k}]`, column[row], row)
  })
  if (!(Number.isInteger(draws) && draws >= 1000)) {
    throw new StatisticsError(`draws ${draws}: a 95 % interval needs an integer of at least 1,000`)
  }
  const weights = ways.map(({ numbers }, way) => new ClusterWeights(numbers, seed, way))
  const counted = [...columns, new Uint8Array(columns[0].length).fill(1)]
  const weigh = ways.length === 1 ? weighClusters(ways[0], counted) : weighRows(ways, counted)
  const total = new Float64Array(counted.length)
  const sums = total.subarray(0, columns.length)
  const figure = (ofWays: readonly Float64Array[]) => {
    weigh(ofWays, total)
    return statistic(sums, total[columns.length])
  }
  const value = figure(ways.map(({ numbers }) => new Float64Array(numbers.length).fill(1)))
  const drawn = new Float64Array(draws)
  for (let draw = 0; draw < draws; draw++) drawn[draw] = figure(weights.map((way) => way.of(draw)))
  const [low, high] = interpolatedPercentiles(drawn, [2.5, 97.5])
  return { value, low, high, standardError: meanAndSd(drawn).sd! }
}

/** Clusters in order of first appearance. */
interface Way {
  /** [C] */
  readonly numbers: Uint32Array
  /** Of each row's cluster among them, [R]. */
  readonly places: Uint32Array
}

function placesOf(clusters: Uint32Array): Way {
  requireRows('clusters', clusters)
  const placeOf = new Map<number, number>()
  const places = clusters.map((cluster) => {
    const place = placeOf.get(cluster) ?? placeOf.size
    placeOf.set(cluster, place)
    return place
  })
  if (placeOf.size < 2)
    throw new StatisticsError('rows of one cluster only: a clustered interval needs at least 2; widen the window')
  return { numbers: Uint32Array.from(placeOf.keys()), places }
}

/** Sets `total` [K] to the columns' sums under weights [C] of each way. */
type Weigh = (weights: readonly Float64Array[], total: Float64Array) => void

function weighClusters({ numbers, places }: Way, columns: readonly Numbers[]): Weigh {
  const byCluster = columns.map((column) => {
    const sums = new Float64Array(numbers.length)
    for (let row = 0; row < places.length; row++) sums[places[row]] += column[row]
    return sums
  })
  return ([weights], total) => {
    byCluster.forEach((sums, k) => {
      let sum = 0
      for (let c = 0; c < sums.length; c++) sum += weights[c] * sums[c]
      total[k] = sum
    })
  }
}

function weighRows(ways: readonly Way[], columns: readonly Numbers[]): Weigh {
  const ofRow = new Float64Array(ways[0].places.length)
  return (weights, total) => {
    ofRow.fill(1)
    ways.forEach(({ places }, way) => {
      const own = weights[way]
      for (let row = 0; row < ofRow.length; row++) ofRow[row] *= own[places[row]]
    })
    columns.forEach((column, k) => {
      let sum = 0
      for (let row = 0; row < ofRow.length; row++) sum += ofRow[row] * column[row]
      total[k] = sum
    })
  }
}
