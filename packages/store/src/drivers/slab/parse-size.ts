import { StoreUrlError } from '../../validation/errors.ts'
import { minCapacityBytes } from './slab.ts'

const unitBytes: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** Bytes of a capacity as a store's URL gives it: `256MiB`. @throws StoreUrlError */
export function parseSize(url: string, text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB)$/.exec(text) ?? []
  const sizeBytes = digits === undefined ? 0 : Math.floor(Number(digits) * unitBytes[unit])
  if (sizeBytes >= minCapacityBytes) return sizeBytes
  throw new StoreUrlError(url, `has a size of "${text}"; give 1MiB or more, in KiB, MiB or GiB`)
}
