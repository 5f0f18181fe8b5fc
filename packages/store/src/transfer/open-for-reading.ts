import type { Driver } from '../driver.ts'
import { openDriver } from '../open-store.ts'

/** Opens a store to look at all of it, beside the process that writes to it where the driver can; none is made. */
export function openForReading(url: string): Promise<Driver> {
  // A tier would only be filled and thrown away.
  const base = url.replace(/^tiered:[^:]*:/, '')
  const readsBeside = base.startsWith('lmdb:') && base.length > 'lmdb:'.length && !base.includes('?')
  return openDriver(readsBeside ? `${base}?readonly` : base)
}
