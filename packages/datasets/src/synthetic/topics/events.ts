import type { TimeRange } from '../../log/log.ts'
import { LogError } from '../../log/log-error.ts'
import { rowsOf } from '../source.ts'
import { Interests, type SyntheticImpression } from './day.ts'
import { checkSyntheticOptions, type SyntheticOptions, smallSetting } from './setting.ts'
import { topicsSource } from './source.ts'
import { createWorld, type SyntheticWorld } from './world.ts'

/**
 * Users, ads, surfaces and shocks behind a synthetic log, with which an optimal filter can be built.
 * @throws LogError at a seed or size that cannot be used
 */
export function syntheticWorld({ seed = 0, setting = smallSetting }: SyntheticOptions = {}): SyntheticWorld {
  checkSyntheticOptions(seed, setting)
  return createWorld(seed, setting)
}

/**
 * The synthetic log's rows in time order, each with the truth behind it; memory holds one day's requests. Any range may
 * be generated on its own, and in any order.
 *
 * Users have a mean interest in K topics and a drift around it that changes daily; requests bring ads chosen by
 * interest, and a click's logit is surface + ad quality + α · interest weighted by surface and the ad's topics.
 * The topic vectors and profiles of the events are shared, not copied: leave them as they are.
 */
export const syntheticEvents = (world: SyntheticWorld, range?: TimeRange): Generator<SyntheticImpression> =>
  rowsOf(topicsSource(world), range)

/**
 * True interests θ [U, K] of all users on a day.
 * @throws LogError where the world has no such day
 */
export function syntheticInterests(world: SyntheticWorld, day: number): Float64Array {
  if (!Number.isInteger(day) || day < 0 || day >= world.setting.days) {
    throw new LogError(`day is ${day}`, `use a whole number from 0 to ${world.setting.days - 1}`, { field: 'day' })
  }
  const interests = new Interests(world)
  for (let passed = 0; passed <= day; passed++) interests.advance()
  return interests.values
}
