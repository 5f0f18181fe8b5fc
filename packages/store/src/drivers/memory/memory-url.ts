import { StoreUrlError } from '../../validation/errors.ts'
import { parseSize } from '../slab/parse-size.ts'
import type { SlabOptions } from '../slab/slab.ts'

/** What the URL of a store in memory says: `memory:` or `memory:?capacity=256MiB`. @throws StoreUrlError */
export function parseMemoryUrl(url: string): SlabOptions {
  if (url === 'memory:') return {}
  const [, size] = /^memory:\?capacity=([^&]*)$/.exec(url) ?? []
  if (size === undefined)
    throw new StoreUrlError(url, 'is not "memory:" or "memory:?capacity=256MiB"; give one of them')
  return { capacityBytes: parseSize(url, size) }
}
