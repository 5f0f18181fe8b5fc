import { type SeedSummary, seedSummary, studentReach } from '@headwater/statistics'
import type { Interval } from '../../report/findings.ts'

export interface Widened {
  readonly interval: Interval
  /** Of sampling and of seeds. */
  readonly standardError: number
  /** Of that error; infinite where it is of sampling alone. */
  readonly freedom: number
  readonly seedSd: SeedSummary['seedSd']
}

/**
 * A bootstrap's interval, of sampling users alone, widened about its value by the spread between training seeds.
 * @param bySeed the figure of each seed, on the same rows
 */
export function widenBySeeds(
  { value, low, high, standardError }: Interval & { readonly standardError: number },
  bySeed: readonly number[],
): Widened {
  const summary = seedSummary(
    bySeed,
    bySeed.map(() => standardError),
    { sameRows: true },
  )
  const whole = summary.standardError ?? standardError
  const { freedom } = summary
  const few = studentReach(0.05, freedom) / studentReach(0.05, Number.POSITIVE_INFINITY)
  const factor = (few * whole) / Math.max(standardError, Number.MIN_VALUE)
  return {
    interval: { value, low: value - (value - low) * factor, high: value + (high - value) * factor },
    standardError: whole,
    freedom,
    seedSd: summary.seedSd,
  }
}
