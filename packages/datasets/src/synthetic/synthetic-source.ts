/** The synthetic logs that there are, by name, and what makes them. */

import type { SyntheticSource } from './source.ts'
import { syntheticWorld } from './topics/events.ts'
import {
  conversionSetting,
  largeSetting,
  mediumSetting,
  referenceSetting,
  type SyntheticOptions,
  type SyntheticSetting,
  smallSetting,
} from './topics/setting.ts'
import { topicsSource } from './topics/source.ts'

/** By the name that `openLog` takes. */
export const syntheticSettings: ReadonlyMap<string, SyntheticSetting> = new Map([
  ['synthetic', smallSetting],
  ['synthetic-reference', referenceSetting],
  ['synthetic-medium', mediumSetting],
  ['synthetic-large', largeSetting],
  ['synthetic-conversions', conversionSetting],
])

export type SyntheticLogOptions = SyntheticOptions

/** @throws LogError at a seed or parameter that cannot be used */
export const sourceOf = (options: SyntheticLogOptions): SyntheticSource => topicsSource(syntheticWorld(options))
