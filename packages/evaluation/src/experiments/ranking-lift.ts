/** What ranking by other predictions does to the clicks on the first ad. */
import { mean, pairedClusterBootstrap } from '@headwater/statistics'
import { bootstrap, widenBySeeds } from '../lab/analysis/figures.ts'
import type { PotentialOutcomes } from '../power/user-days.ts'
import type { Interval } from '../report/findings.ts'

/**
 * Clicks a user of the treated over those of the control, less 1; 95 %, of users and seeds.
 * @param bySeed outcomes of the same users, [N], by the models of each seed
 */
export function rankingLift(bySeed: readonly PotentialOutcomes[]): Interval {
  const meanOf = (key: 'control' | 'treated') =>
    bySeed[0][key].map((_, user) => mean(bySeed.map((outcomes) => outcomes[key][user])))
  const control = meanOf('control')
  // Of losses it tells what is taken off, which is less than nothing where clicks are put on.
  const { value, low, high, standardError } = pairedClusterBootstrap({
    clusters: Uint32Array.from(control.keys()),
    lossA: control,
    lossB: meanOf('treated'),
    ...bootstrap,
  })
  const lifts = bySeed.map((outcomes) => mean(outcomes.treated) / mean(outcomes.control) - 1)
  return widenBySeeds({ value: -value, low: -high, high: -low, standardError }, lifts).interval
}
