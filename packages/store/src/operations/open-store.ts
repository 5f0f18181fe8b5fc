import { openDriver } from '../drivers/open-driver.ts'
import { checkName } from '../validation/keys.ts'
import { limitsOf, type StoreLimits } from '../validation/limits.ts'
import { EmbeddingStore } from './embedding-store.ts'

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
 * @throws StoreUrlError, StoreBindingError, StoreAccessError, StoreFormatError, StoreBusyError, KeyError, RequestError
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<EmbeddingStore> {
  const { tenant = 'default', ...limits } = options
  // Before anything is opened.
  checkName('tenant', tenant)
  limitsOf(limits)
  return new EmbeddingStore(await openDriver(url), tenant, limits)
}
