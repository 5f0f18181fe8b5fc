import { openForReading, withDriver } from '../drivers/open-driver.ts'
import { type CheckReport, checkStore } from '../operations/check.ts'
import { surveyRecords, type TenantCounts } from './survey.ts'
import type { TransferOptions } from './transfer-stages.ts'

const tellEvery = 1_000

export interface StoreCheck extends CheckReport {
  /** By tenant. */
  readonly tenants: ReadonlyMap<string, TenantCounts>
}

/**
 * Verifies every record of every tenant, beside the process that writes where the driver can.
 *
 * @throws StoreUrlError, StoreAccessError, StoreFormatError
 */
export async function checkStoreAt(url: string, options: TransferOptions = {}): Promise<StoreCheck> {
  const { stages, signal } = options
  return withDriver(openForReading(url), async (store) => {
    const { records, tenants } = await surveyRecords(() => store.records(), null, options)
    stages?.begin('check', records)
    const report = await checkStore(store, (done) => {
      if (done % tellEvery !== 0) return
      signal?.throwIfAborted()
      stages?.advance(done)
    })
    stages?.end()
    return { ...report, tenants }
  })
}
