import { StoreUrlError } from '../validation/errors.ts'
import type { Driver } from './driver.ts'
import { openLmdb } from './lmdb/open-lmdb.ts'
import { memoryDriver } from './memory/memory-driver.ts'
import { parseMemoryUrl } from './memory/memory-url.ts'
import { tieredDriver } from './tiered/tiered-driver.ts'
import { parseTieredUrl } from './tiered/tiered-url.ts'
import { openValkey } from './valkey/valkey-driver.ts'

/** Opens what a URL names, without the store's behaviour. @throws as `openStore` */
export async function openDriver(url: string): Promise<Driver> {
  if (url.startsWith('memory:')) return memoryDriver(parseMemoryUrl(url))
  if (/^lmdb:[^?]+(\?readonly)?$/s.test(url)) return openLmdb(url.slice('lmdb:'.length))
  if (/^valkeys?:/.test(url)) return openValkey(url)
  if (url.startsWith('tiered:')) {
    const { options, base } = parseTieredUrl(url)
    return tieredDriver(await openDriver(base), options)
  }
  throw new StoreUrlError(url)
}

/** Opens a store to look at all of it, beside the process that writes to it where the driver can; none is made. */
export function openForReading(url: string): Promise<Driver> {
  // A tier would only be filled and thrown away.
  const base = url.replace(/^tiered:[^:]*:/, '')
  const readsBeside = base.startsWith('lmdb:') && base.length > 'lmdb:'.length && !base.includes('?')
  return openDriver(readsBeside ? `${base}?readonly` : base)
}

/** Closes a driver once `use` is done. */
export async function withDriver<T>(opening: Promise<Driver>, use: (driver: Driver) => Promise<T>): Promise<T> {
  const driver = await opening
  try {
    return await use(driver)
  } finally {
    await driver.close()
  }
}
