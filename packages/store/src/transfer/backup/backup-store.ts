import type { Driver } from '../../drivers/driver.ts'
import { openForReading, withDriver } from '../../drivers/open-driver.ts'
import { checkName } from '../../validation/keys.ts'
import { surveyRecords, type TransferOptions } from '../survey.ts'
import { type RecordFaults, recordBatches, vettedRecords } from '../vetted-records.ts'
import { writeBackup } from './backup-writer.ts'

export interface BackupOptions extends TransferOptions {
  /** Absent: all tenants. */
  readonly tenant?: string
  /** Tombstones alone are written, for `restoreStore` of older backups. Default false. */
  readonly onlyTombstones?: boolean
  /** Time it is made, for its header. Default: now. */
  readonly madeMs?: number
}

export interface BackupReport {
  readonly tenants: readonly string[]
  /** In the file, tombstones included. */
  readonly records: number
  readonly tombstones: number
  readonly bytes: number
  /** Damaged records, left out. */
  readonly faults: RecordFaults
}

/**
 * Writes a store into one file, tombstones first. The file is there when it is whole, in the place of one that was there
 * before. Others may write to the store meanwhile: each record is as it was at one moment, not the same for all, and a
 * tenant that first appears meanwhile is left out.
 *
 * @throws StoreUrlError, StoreAccessError, StoreFormatError, BackupAccessError, KeyError
 */
export async function backupStore(url: string, path: string, options: BackupOptions = {}): Promise<BackupReport> {
  if (options.tenant !== undefined) checkName('tenant', options.tenant)
  return withDriver(openForReading(url), (source) => backupRecords(source, path, options))
}

export async function backupRecords(source: Driver, path: string, options: BackupOptions): Promise<BackupReport> {
  const { tenant = null, onlyTombstones = false, madeMs = Date.now(), stages, signal } = options
  const read = () => source.records()
  const survey = await surveyRecords(read, tenant, options)
  const tenants = [...survey.tenants.keys()].sort()
  const faults: RecordFaults = { count: 0, first: [] }
  return writeBackup(path, tenants, madeMs, async ({ add, finish }) => {
    let records = 0
    stages?.begin('records', onlyTombstones ? survey.tombstones.size : survey.records)
    for (const name of tenants) {
      for (const [key, record] of survey.tombstones.of(name)) {
        await add({ table: 'tombstone', tenant: name, key, record })
        records++
      }
    }
    for await (const { rows } of onlyTombstones ? [] : recordBatches(vettedRecords(read, tenant, faults))) {
      signal?.throwIfAborted()
      for (const row of rows) records += Number(await add(row))
      stages?.advance(records)
    }
    const bytes = await finish()
    stages?.end()
    return { tenants, records, tombstones: survey.tombstones.size, bytes, faults }
  })
}
