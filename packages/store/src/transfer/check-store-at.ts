import { openForReading, withDriver } from '../drivers/open-driver.ts'
import { type CheckReport, checkStore } from '../operations/check.ts'
import { recordCounter, surveyRecords, type TenantCounts, type TransferOptions } from './survey.ts'

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
  return withDriver(openForReading(url), async (store) => {
    const { records, tenants } = await surveyRecords(() => store.records(), null, options)
    options.stages?.begin('check', records)
    const report = await checkStore(store, recordCounter(options))
    options.stages?.end()
    return { ...report, tenants }
  })
}
