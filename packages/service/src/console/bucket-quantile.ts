/**
 * A quantile of values that only their buckets are known of, as Prometheus' `histogram_quantile` has it: spread evenly within
 * a bucket, and the last bound for what is beyond it. So it is exact to its bucket. NaN where there are no values.
 *
 * @param bounds [B] ascending
 * @param counts [B + 1] of each bucket alone
 * @param q from 0 to 1
 */
export function bucketQuantile(bounds: ArrayLike<number>, counts: ArrayLike<number>, q: number): number {
  let total = 0
  for (let i = 0; i < counts.length; i++) total += counts[i]
  if (total === 0) return Number.NaN
  const rank = q * total
  let below = 0
  for (let i = 0; i < bounds.length; i++) {
    if (counts[i] > 0 && below + counts[i] >= rank) {
      const low = i === 0 ? 0 : bounds[i - 1]
      return low + ((bounds[i] - low) * Math.max(0, rank - below)) / counts[i]
    }
    below += counts[i]
  }
  return bounds[bounds.length - 1]
}
