import type { Driver } from '../drivers/driver.ts'
import { layTombstones } from './lay-tombstones.ts'
import type { Survey, TransferOptions } from './survey.ts'
import type { TombstoneList } from './tombstone-list.ts'
import { type VerifyCounts, verifyRecords } from './verify-records.ts'
import {
  type RecordBatch,
  type RecordFaults,
  type RecordSource,
  recordBatches,
  type VettedRecord,
  vettedRecords,
} from './vetted-records.ts'
import { type WriteCounts, writeRecords } from './write-records.ts'

/** What a copy or a restore did. Counts are of records, tombstones apart where nothing else is said. */
export interface TransferReport extends WriteCounts {
  readonly tenants: readonly string[]
  /** Tombstones set in the target, where it had none or an earlier one. */
  readonly tombstones: number
  /** Users whom the target held and who were forgotten by those tombstones. */
  readonly usersForgotten: number
  /** Damaged records, left out. */
  readonly faults: RecordFaults
  /** From reading everything back; tombstones are among them. */
  readonly verified: VerifyCounts
}

export interface Transfer {
  readonly source: RecordSource
  readonly survey: Survey
  /** All tenants where null. */
  readonly tenant: string | null
  /** Other tombstones to be laid first, beside those of the source. */
  readonly tombstones: readonly TombstoneList[]
  /** The source's tombstones once more when the records are done; null where it does not change. */
  readonly tombstonesNow: (() => Promise<TombstoneList>) | null
}

/**
 * Brings a source's records into a driver: tombstones first, then all else, then a look at both. Each record is written on
 * its own, so that a transfer may be stopped at any point and begun again: what is there is found unchanged.
 */
export async function transferRecords(
  { source, survey, tenant, tombstones, tombstonesNow }: Transfer,
  target: Driver,
  options: TransferOptions,
): Promise<TransferReport> {
  const { stages, signal } = options
  const known = survey.tombstones
  const lists = [known, ...tombstones]
  const laid = { tombstones: 0, usersForgotten: 0 }
  const lay = async (list: TombstoneList, onDone: (done: number) => void) => {
    const done = await layTombstones(target, list, signal, onDone)
    laid.tombstones += done.laid
    laid.usersForgotten += done.usersForgotten
  }
  const inBatches = async (
    of: AsyncIterable<VettedRecord>,
    act: (batch: RecordBatch) => Promise<void>,
  ): Promise<void> => {
    let done = 0
    for await (const batch of recordBatches(of)) {
      signal?.throwIfAborted()
      await act(batch)
      done += batch.rows.length
      stages?.advance(done)
    }
  }
  const listed = lists.reduce((total, { size }) => total + size, 0)
  stages?.begin('tombstones', listed)
  let before = 0
  for (const list of lists) {
    await lay(list, (done) => stages?.advance(before + done))
    before += list.size
  }
  stages?.end()

  const counts: WriteCounts = { written: 0, unchanged: 0, kept: 0, forgotten: 0 }
  const faults: RecordFaults = { count: 0, first: [] }
  stages?.begin('records', survey.records - known.size)
  await inBatches(vettedRecords(source, tenant, faults), (batch) => writeRecords(target, batch, known, counts))
  // Users forgotten in the source since: their records may have been read before.
  if (tombstonesNow !== null) {
    const list = await tombstonesNow()
    await lay(list, () => {})
    known.addAll(list)
  }
  await target.flushed()
  stages?.end()

  const verified: VerifyCounts = { equal: 0, kept: 0, forgotten: 0, behind: 0 }
  stages?.begin('verify', survey.records)
  const all = vettedRecords(source, tenant, { count: 0, first: [] }, true)
  await inBatches(all, (batch) => verifyRecords(target, batch, known, verified))
  stages?.end()
  return { ...counts, tenants: [...survey.tenants.keys()], ...laid, faults, verified }
}
