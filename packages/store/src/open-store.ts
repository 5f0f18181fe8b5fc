import { DriverStore } from './driver-store.ts'
import { LmdbDriver } from './drivers/lmdb.ts'
import { MemoryDriver } from './drivers/memory.ts'
import { StoreUrlError } from './errors.ts'
import { checkName } from './keys.ts'
import type { EmbeddingStore } from './store.ts'

export interface StoreOptions {
  /** Default `default`. */
  readonly tenant?: string
}

/**
 * Opens a store, making it where there is none.
 *
 * - `memory:` a store of its own each time, gone when it is closed
 * - `lmdb:PATH` a directory, durable; one process writes at a time
 *
 * @throws StoreUrlError, StoreAccessError, StoreFormatError, StoreBusyError, KeyError
 */
export async function openStore(url: string, { tenant = 'default' }: StoreOptions = {}): Promise<EmbeddingStore> {
  checkName('tenant', tenant)
  if (url === 'memory:') return new DriverStore(new MemoryDriver(), tenant)
  if (url.startsWith('lmdb:') && url.length > 5) {
    return new DriverStore(new LmdbDriver(url.slice(5), { groupBytes: 2 ** 24, groupDelayMs: 2 }), tenant)
  }
  throw new StoreUrlError(url)
}
