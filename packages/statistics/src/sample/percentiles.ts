import { type Numbers, requireFinite, requireRows } from './binary-data.ts'
import { StatisticsError } from './statistics-error.ts'

/**
 * Nearest-rank percentiles: the smallest value with at least `percent` % of the values at or below it, always one that
 * was observed. For latencies, where a value between two observations never happened.
 * @throws StatisticsError on no values, one that is not finite, or a percent out of [0, 100].
 */
export function nearestRankPercentiles(values: Numbers, percents: readonly number[]): number[] {
  const sorted = sortedCopy(values)
  return percents.map((percent) => {
    requirePercent(percent)
    // 99.9 / 100 × 1000 is 999.0000000000001 in floating point: without the slack its rank would be one too high.
    const rank = Math.ceil((percent / 100) * sorted.length - 1e-9)
    return sorted[Math.max(rank, 1) - 1]
  })
}

/**
 * Percentiles interpolated between neighbours (type 7 of Hyndman and Fan 1996, the default of R and NumPy). For
 * bootstrap intervals. @throws StatisticsError as `nearestRankPercentiles`.
 */
export function interpolatedPercentiles(values: Numbers, percents: readonly number[]): number[] {
  const sorted = sortedCopy(values)
  return percents.map((percent) => {
    requirePercent(percent)
    const position = (percent / 100) * (sorted.length - 1)
    const below = Math.floor(position)
    const above = Math.min(below + 1, sorted.length - 1)
    return sorted[below] + (position - below) * (sorted[above] - sorted[below])
  })
}

function sortedCopy(values: Numbers): Float64Array {
  requireRows('values', values)
  const sorted = Float64Array.from(values)
  sorted.forEach((value, i) => {
    requireFinite('values', value, i)
  })
  return sorted.sort()
}

function requirePercent(percent: number): void {
  if (!(percent >= 0 && percent <= 100)) throw new StatisticsError(`percent ${percent}: it must lie in [0, 100]`)
}
