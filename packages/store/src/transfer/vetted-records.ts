import type { StoredRecord } from '../drivers/driver.ts'
import type { StoreFault } from '../operations/check.ts'
import { checkStored } from '../record/check-record.ts'
import { migrateRecord } from '../record/migrate-record.ts'
import { addressText } from '../record/record.ts'
import { StoreError } from '../validation/errors.ts'

/** Where records come from; each call reads them anew. A record is valid until the next step. */
export type RecordSource = () => AsyncIterable<StoredRecord>

/** A record that was checked and is of this version's format. */
export interface VettedRecord extends StoredRecord {
  /** Of a ring's slots or of events; null for other tables. */
  readonly earliestMs: number | null
}

/** Records that were left out because they are damaged. */
export interface RecordFaults {
  count: number
  /** The first 100. */
  readonly first: StoreFault[]
}

const namedFaults = 100

/**
 * The sound records of a source in this version's format; those that are not sound are added to `faults`.
 *
 * @param withTombstones whether tombstones are among them
 */
export async function* vettedRecords(
  source: RecordSource,
  tenant: string | null,
  faults: RecordFaults,
  withTombstones = false,
): AsyncGenerator<VettedRecord> {
  for await (const { record, ...address } of source()) {
    if (tenant !== null && address.tenant !== tenant) continue
    let vetted: VettedRecord
    try {
      const migrated = migrateRecord(address, record)
      vetted = { ...address, record: migrated, earliestMs: checkStored(address, migrated) }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      faults.count++
      if (faults.first.length < namedFaults) faults.first.push({ address: addressText(address), error })
      continue
    }
    if (withTombstones || address.table !== 'tombstone') yield vetted
  }
}

/** Rows of one tenant whose records are copies. */
export interface RecordBatch {
  readonly tenant: string
  readonly rows: readonly VettedRecord[]
}

const batchRows = 1_024
const batchBytes = 2 ** 22

/** Records gathered for calls of a driver. */
export async function* recordBatches(records: AsyncIterable<VettedRecord>): AsyncGenerator<RecordBatch> {
  let rows: VettedRecord[] = []
  let sizeBytes = 0
  for await (const row of records) {
    if (rows.length === batchRows || sizeBytes >= batchBytes || (rows.length > 0 && rows[0].tenant !== row.tenant)) {
      yield { tenant: rows[0].tenant, rows }
      rows = []
      sizeBytes = 0
    }
    rows.push({ ...row, record: new Uint8Array(row.record) })
    sizeBytes += row.record.length
  }
  if (rows.length > 0) yield { tenant: rows[0].tenant, rows }
}
