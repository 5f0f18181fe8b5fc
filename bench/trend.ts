/** How fast a series grows. */
import { interpolatedPercentiles, seededRandom } from '@headwater/statistics'

export interface Trend {
  /** Of least squares, a unit of time. */
  readonly slope: number
  /** Its 95 % interval. */
  readonly low: number
  readonly high: number
}

const blocks = 10
const resamples = 2_000

/**
 * Slope of values against times, n of each, with an interval by the moving-block bootstrap of the residuals (Künsch 1989),
 * in blocks of a tenth of the series, as neighbouring values depend on each other.
 */
export function trendOf(times: readonly number[], values: readonly number[]): Trend {
  const n = values.length
  if (n < 2 * blocks) throw new RangeError(`${n} values tell no trend; give ${2 * blocks} or more`)
  const meanTime = times.reduce((sum, time) => sum + time, 0) / n
  const centred = times.map((time) => time - meanTime)
  const square = centred.reduce((sum, time) => sum + time * time, 0)
  const slopeOf = (of: (i: number) => number) => centred.reduce((sum, time, i) => sum + time * of(i), 0) / square
  const slope = slopeOf((i) => values[i])
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const residuals = values.map((value, i) => value - mean - slope * centred[i])
  const length = Math.ceil(n / blocks)
  const random = seededRandom(1)
  const slopes = Array.from({ length: resamples }, () => {
    const starts = Array.from({ length: blocks }, () => random.nextBelow(n - length + 1))
    return slope + slopeOf((i) => residuals[starts[Math.floor(i / length)] + (i % length)])
  })
  const [low, high] = interpolatedPercentiles(slopes, [2.5, 97.5])
  return { slope, low, high }
}
