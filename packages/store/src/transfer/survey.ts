/** What a store holds, counted in one pass over its records. */
import type { StoredRecord } from '../drivers/driver.ts'
import { getOrMake } from '../maps/get-or-make.ts'
import { perTable, type Table } from '../record/record.ts'
import { TombstoneList } from './tombstone-list.ts'
import type { RecordSource } from './vetted-records.ts'

/** Receives the progress of a copy, a backup or a check. */
export interface TransferStages {
  /** @param total records of the stage as far as they are known; 0 where they are not */
  begin(stage: string, total: number): void
  /** @param done records of the stage so far */
  advance(done: number): void
  end(): void
}

export interface TransferOptions {
  readonly stages?: TransferStages
  /** Stops between two batches: what was written stays, and is durable. */
  readonly signal?: AbortSignal
}

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

/** What a pass over records calls with their number so far. @throws what the signal gives as its reason */
export function recordCounter({ stages, signal }: TransferOptions): (records: number) => void {
  return (records) => {
    if (records % tellEvery !== 0) return
    signal?.throwIfAborted()
    stages?.advance(records)
  }
}

/**
 * @param visit sees each record of the tenants that are wanted
 * @param stage name of the pass, and how many records it will see, as far as known
 */
export async function surveyRecords(
  source: RecordSource,
  tenant: string | null,
  options: TransferOptions,
  visit: (record: StoredRecord) => void = () => {},
  stage: readonly [name: string, total: number] = ['count', 0],
): Promise<Survey> {
  const tell = recordCounter(options)
  options.stages?.begin(...stage)
  const tenants = new Map<string, TenantCounts>()
  const tombstones = new TombstoneList()
  let records = 0
  for await (const stored of source()) {
    if (tenant !== null && stored.tenant !== tenant) continue
    const counts = getOrMake(tenants, stored.tenant, () => perTable(() => ({ records: 0, bytes: 0 })))
    counts[stored.table].records++
    counts[stored.table].bytes += stored.record.length
    if (stored.table === 'tombstone') tombstones.addStored(stored.tenant, stored.key, stored.record)
    visit(stored)
    tell(++records)
  }
  options.stages?.end()
  return { records, tenants, tombstones }
}
