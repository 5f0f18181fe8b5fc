/** The synthetic logs that there are, by name, and what makes them. */

import { type HiddenSetting, hiddenLargeSetting, hiddenMediumSetting, hiddenSetting } from './hidden/setting.ts'
import { hiddenSource } from './hidden/source.ts'
import { type HiddenWorld, hiddenWorld } from './hidden/world.ts'
import type { SyntheticSource } from './source.ts'
import { syntheticWorld } from './topics/events.ts'
import {
  conversionSetting,
  largeSetting,
  mediumSetting,
  referenceSetting,
  type SyntheticSetting,
  smallSetting,
} from './topics/setting.ts'
import { topicsSource } from './topics/source.ts'
import type { SyntheticWorld } from './topics/world.ts'

/** Of either kind of world. */
export type AnySyntheticSetting = SyntheticSetting | HiddenSetting

/** By the name that `openLog` takes. */
export const syntheticSettings: ReadonlyMap<string, AnySyntheticSetting> = new Map<string, AnySyntheticSetting>([
  ['synthetic', smallSetting],
  ['synthetic-reference', referenceSetting],
  ['synthetic-medium', mediumSetting],
  ['synthetic-large', largeSetting],
  ['synthetic-conversions', conversionSetting],
  ['synthetic-hidden', hiddenSetting],
  ['synthetic-hidden-medium', hiddenMediumSetting],
  ['synthetic-hidden-large', hiddenLargeSetting],
])

export interface SyntheticLogOptions {
  /** The same seed and setting give the same rows. Default 0. */
  seed?: number
  /** Default `smallSetting`. */
  setting?: AnySyntheticSetting
}

/**
 * What is behind a synthetic log, by which references can be computed.
 * @throws LogError at a seed or parameter that cannot be used
 */
export const worldOf = ({ seed = 0, setting = smallSetting }: SyntheticLogOptions): AnySyntheticWorld =>
  'kind' in setting ? hiddenWorld({ seed, setting }) : syntheticWorld({ seed, setting })

export type AnySyntheticWorld = SyntheticWorld | HiddenWorld

/** @throws LogError at a seed or parameter that cannot be used */
export function sourceOf(options: SyntheticLogOptions): SyntheticSource {
  const world = worldOf(options)
  return 'kind' in world ? hiddenSource(world) : topicsSource(world)
}
