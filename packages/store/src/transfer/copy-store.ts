import type { Driver } from '../drivers/driver.ts'
import { openDriver, openForReading, withDriver } from '../drivers/open-driver.ts'
import { checkName } from '../validation/keys.ts'
import { surveyRecords, type TransferOptions } from './survey.ts'
import { readTombstones } from './tombstone-list.ts'
import { type TransferReport, transferRecords } from './transfer-records.ts'

export interface CopyOptions extends TransferOptions {
  /** Absent: all tenants. */
  readonly tenant?: string
}

/**
 * Copies a store into another, of any drivers and, of the source, any format; what is there already and not older stays.
 * Begun again after it was stopped, it goes on: each record is compared, and written where the target does not have it.
 *
 * Others may write to both meanwhile. Each record is copied as it was at one moment, which is not the same for all.
 *
 * @throws StoreUrlError, StoreAccessError, StoreFormatError, StoreBusyError, KeyError, StoreWriteError
 */
export async function copyStore(from: string, to: string, options: CopyOptions = {}): Promise<TransferReport> {
  if (options.tenant !== undefined) checkName('tenant', options.tenant)
  return withDriver(openForReading(from), (source) =>
    withDriver(openDriver(to), (target) => copyRecords(source, target, options)),
  )
}

export async function copyRecords(source: Driver, target: Driver, options: CopyOptions): Promise<TransferReport> {
  const { tenant = null } = options
  const records = () => source.records()
  const survey = await surveyRecords(records, tenant, options)
  const tombstonesNow = () => readTombstones(source, [...survey.tenants.keys()])
  return transferRecords({ source: records, survey, tenant, tombstones: [], tombstonesNow }, target, options)
}
