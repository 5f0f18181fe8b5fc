import { StoreUrlError } from '../../validation/errors.ts'
import { parseSize } from '../slab/parse-size.ts'
import type { TierOptions } from './tiered-driver.ts'

/**
 * What the URL of a tier says: `tiered:SIZE:URL` or `tiered:SIZE?maxAge=MS:URL`. Without a maximum age it is 1 s in front
 * of Valkey, which other processes write to as well, and none in front of stores that one process writes to.
 *
 * @returns the options, and the base's URL @throws StoreUrlError
 */
export function parseTieredUrl(url: string): { readonly options: TierOptions; readonly base: string } {
  const [, size, age, base] = /^tiered:([^:?]*)(?:\?maxAge=([^:]*))?:(.+)$/s.exec(url) ?? []
  if (size === undefined) {
    throw new StoreUrlError(url, 'is not "tiered:SIZE:URL" or "tiered:SIZE?maxAge=MS:URL"; give one of them')
  }
  if (base.startsWith('tiered:') || base.startsWith('memory:')) {
    throw new StoreUrlError(url, 'puts a tier in front of memory; give an "lmdb:" or "valkey://" URL after the size')
  }
  if (age !== undefined && !/^\d+$/.test(age)) {
    throw new StoreUrlError(url, `has a maxAge of "${age}"; give milliseconds`)
  }
  const shared = /^valkeys?:/.test(base) || /^lmdb:.*\?readonly$/s.test(base)
  const maxAgeMs = age === undefined ? (shared ? 1_000 : undefined) : Number(age)
  const capacityBytes = parseSize(url, size)
  return { options: maxAgeMs === undefined ? { capacityBytes } : { capacityBytes, maxAgeMs }, base }
}
