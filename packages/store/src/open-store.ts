import type { Driver } from './driver.ts'
import { DriverStore } from './driver-store.ts'
import { openLmdb } from './drivers/lmdb-open.ts'
import { MemoryDriver } from './drivers/memory.ts'
import { parseMemoryUrl, parseTieredUrl } from './drivers/memory-url.ts'
import { TieredDriver } from './drivers/tiered.ts'
import { ValkeyDriver } from './drivers/valkey/valkey-driver.ts'
import { StoreUrlError } from './errors.ts'
import { checkName } from './keys.ts'
import { limitsOf, type StoreLimits } from './limits.ts'
import type { EmbeddingStore } from './store.ts'

export interface StoreOptions extends Partial<StoreLimits> {
  /** Default `default`. */
  readonly tenant?: string
}

/**
 * Opens a store, making it where there is none.
 *
 * - `memory:[?capacity=256MiB]` a store of its own each time, gone when it is closed; with a capacity, it evicts
 * - `lmdb:PATH` a directory, durable; one process writes at a time, others may read with `lmdb:PATH?readonly`
 * - `valkey://[USER:PASSWORD@]HOST[:PORT][,…][?durability=none|replica|disk&timeout=MS]` a Valkey cluster or server, over
 *   TLS with `valkeys://`
 * - `tiered:SIZE[?maxAge=MS]:URL` memory of a size, 256MiB say, in front of either of the last two
 *
 * @throws StoreUrlError, StoreAccessError, StoreFormatError, StoreBusyError, KeyError, RequestError
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<EmbeddingStore> {
  const { tenant = 'default', ...limits } = options
  // Before anything is opened.
  checkName('tenant', tenant)
  limitsOf(limits)
  return new DriverStore(await openDriver(url), tenant, limits)
}

/** Opens what a URL names, without the store's behaviour. @throws as `openStore` */
export async function openDriver(url: string): Promise<Driver> {
  if (url.startsWith('memory:')) return new MemoryDriver(parseMemoryUrl(url))
  if (/^lmdb:[^?]+(\?readonly)?$/s.test(url)) return openLmdb(url.slice('lmdb:'.length))
  if (/^valkeys?:/.test(url)) return ValkeyDriver.open(url)
  if (url.startsWith('tiered:')) {
    const { options, base } = parseTieredUrl(url)
    return new TieredDriver(await openDriver(base), options)
  }
  throw new StoreUrlError(url)
}
