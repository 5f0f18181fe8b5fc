/**
 * Bootstrap clustered by user: whole users are drawn with replacement, since the rows of one user are not independent
 * (Cameron, Gelbach and Miller 2008, pairs cluster bootstrap). Rows are summed by cluster once, so a draw costs
 * O(clusters) however long the log. Shape letters: R rows, C clusters, K sums a cluster.
 */

import { seededRandom } from '../random/random.ts'
import { countPositives, type Numbers, requireFinite, requireRows, requireSameLength } from '../sample/binary-data.ts'
import { interpolatedPercentiles } from '../sample/percentiles.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { meanAndSd } from '../sample/summary.ts'
import { binaryEntropy } from '../scores/normalized-entropy.ts'

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
  readonly seed: number
}

/**
 * Relative gain in normalized entropy of B over A, (NE_A − NE_B) / NE_A, on the same rows. Both share the base rate's
 * entropy in every draw, so it cancels and labels are not needed: the gain is 1 − ΣlossB / ΣlossA.
 * `clusters` [R] number the users in any way; losses [R] in nats.
 * @throws StatisticsError on unequal lengths, no rows, a loss that is not finite, fewer than 2 clusters or 1,000 draws.
 */
export function pairedClusterBootstrap(
  data: { readonly clusters: Uint32Array; readonly lossA: Numbers; readonly lossB: Numbers } & BootstrapOptions,
): BootstrapInterval {
  const { clusters, lossA, lossB } = data
  requireSameLength('lossA', lossA, 'clusters', clusters)
  requireSameLength('lossB', lossB, 'clusters', clusters)
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
  data: { readonly clusters: Uint32Array; readonly losses: Numbers; readonly labels: Numbers } & BootstrapOptions,
): BootstrapInterval {
  const { clusters, losses, labels } = data
  requireSameLength('losses', losses, 'clusters', clusters)
  requireSameLength('labels', labels, 'clusters', clusters)
  countPositives(labels)
  return clusterBootstrap(clusters, [losses, labels], data, ([loss, positives], rows) => {
    return loss / rows / binaryEntropy(positives / rows)
  })
}

/**
 * Any statistic of column sums. `clusters` [R] number the users in any way; each of the K columns has R values;
 * `statistic` gets the K sums and the number of rows of a draw, in an array that the next draw overwrites.
 * @throws StatisticsError on unequal lengths, no rows, a value that is not finite, fewer than 2 clusters or 1,000 draws.
 */
export function clusterBootstrap(
  clusters: Uint32Array,
  columns: readonly Numbers[],
  { draws, seed }: BootstrapOptions,
  statistic: (sums: Float64Array, rows: number) => number,
): BootstrapInterval {
  requireRows('clusters', clusters)
  columns.forEach((column, k) => {
    requireSameLength(`columns[${k}]`, column, 'clusters', clusters)
  })
  if (!(Number.isInteger(draws) && draws >= 1000)) {
    throw new StatisticsError(`draws ${draws}: a 95 % interval needs an integer of at least 1,000`)
  }
  const width = columns.length + 1
  const byCluster = sumByCluster(clusters, columns)
  const clusterCount = byCluster.length / width
  if (clusterCount < 2) {
    throw new StatisticsError('rows of one cluster only: a clustered interval needs at least 2 users; widen the window')
  }

  const random = seededRandom(seed)
  const total = new Float64Array(width)
  const sums = total.subarray(0, width - 1)
  for (let i = 0; i < byCluster.length; i++) total[i % width] += byCluster[i]
  const value = statistic(sums, total[width - 1])

  const drawn = new Float64Array(draws)
  for (let draw = 0; draw < draws; draw++) {
    total.fill(0)
    for (let i = 0; i < clusterCount; i++) {
      const start = random.nextBelow(clusterCount) * width
      for (let k = 0; k < width; k++) total[k] += byCluster[start + k]
    }
    drawn[draw] = statistic(sums, total[width - 1])
  }
  const [low, high] = interpolatedPercentiles(drawn, [2.5, 97.5])
  return { value, low, high, standardError: meanAndSd(drawn).sd! }
}

/** [C, K + 1]: the column sums of each cluster, then its number of rows; clusters in order of first appearance. */
function sumByCluster(clusters: Uint32Array, columns: readonly Numbers[]): Float64Array {
  const slots = new Map<number, number>()
  for (const cluster of clusters) if (!slots.has(cluster)) slots.set(cluster, slots.size)
  const width = columns.length + 1
  const names = columns.map((_, k) => `columns[${k}]`)
  const sums = new Float64Array(slots.size * width)
  clusters.forEach((cluster, row) => {
    const at = slots.get(cluster)! * width
    columns.forEach((column, k) => {
      requireFinite(names[k], column[row], row)
      sums[at + k] += column[row]
    })
    sums[at + width - 1]++
  })
  return sums
}
