import { formatVersion } from '../../record/record.ts'
import { checkName } from '../../validation/keys.ts'
import { openValkey } from './valkey-driver.ts'

export interface RaisedFormat {
  readonly tenant: string
  /** Of records written until now. */
  readonly before: number
  /** Of those written by processes that are started from now on. */
  readonly now: number
}

/**
 * Ends a rolling upgrade of the servers of a tenant: their records are written in this version's format from now on. Those
 * of the format before are still read, and come up to date as they are written again. Servers of the version before can
 * read nothing new then.
 *
 * @param url of a Valkey store
 * @throws RequestError where there is no such tenant; StoreUrlError, StoreAccessError, StoreFormatError, StoreUnavailableError, StoreWriteError, KeyError
 */
export async function raiseFormat(url: string, tenant = 'default'): Promise<RaisedFormat> {
  checkName('tenant', tenant)
  const driver = await openValkey(url)
  try {
    return { tenant, before: await driver.raiseFormat(tenant), now: formatVersion }
  } finally {
    await driver.close()
  }
}
