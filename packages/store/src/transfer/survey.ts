/** What a store holds, counted in one pass over its records. */
import type { StoredRecord } from '../drivers/driver.ts'
import { perTable, type Table } from '../record/record.ts'
import { TombstoneList } from './tombstone-list.ts'
import type { TransferOptions } from './transfer-stages.ts'
import type { RecordSource } from './vetted-records.ts'

export interface TableCounts {
  records: number
  /** Of the records, without their keys and what the driver adds. */
  bytes: number
}

export type TenantCounts = Record<Table, TableCounts>

export interface Survey {
  readonly records: number
  readonly tenants: ReadonlyMap<string, TenantCounts>
  /** The sound ones. */
  readonly tombstones: TombstoneList
}

const tellEvery = 1_000

/**
 * @param visit sees each record of the tenants that are wanted
 * @param stage name of the pass, and how many records it will see, as far as known
 */
export async function surveyRecords(
  source: RecordSource,
  tenant: string | null,
  { stages, signal }: TransferOptions,
  visit: (record: StoredRecord) => void = () => {},
  stage: readonly [name: string, total: number] = ['count', 0],
): Promise<Survey> {
  stages?.begin(...stage)
  const tenants = new Map<string, TenantCounts>()
  const tombstones = new TombstoneList()
  let records = 0
  for await (const stored of source()) {
    if (tenant !== null && stored.tenant !== tenant) continue
    let counts = tenants.get(stored.tenant)
    if (counts === undefined) {
      counts = perTable(() => ({ records: 0, bytes: 0 }))
      tenants.set(stored.tenant, counts)
    }
    counts[stored.table].records++
    counts[stored.table].bytes += stored.record.length
    if (stored.table === 'tombstone') tombstones.addStored(stored.tenant, stored.key, stored.record)
    visit(stored)
    if (++records % tellEvery === 0) {
      signal?.throwIfAborted()
      stages?.advance(records)
    }
  }
  stages?.end()
  return { records, tenants, tombstones }
}
