import type { Driver } from '../drivers/driver.ts'
import { layTombstones } from './lay-tombstones.ts'
import type { Survey } from './survey.ts'
import type { TombstoneList } from './tombstone-list.ts'
import type { TransferOptions } from './transfer-stages.ts'
import { nothingVerified, type VerifyCounts, verifyRecords } from './verify-records.ts'
import { noFaults, type RecordFaults, type RecordSource, recordBatches, vettedRecords } from './vetted-records.ts'
import { noWrites, type WriteCounts, writeRecords } from './write-records.ts'

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
  let before = 0
  const lay = async (list: TombstoneList, onDone: (done: number) => void) => {
    const done = await layTombstones(target, list, signal, onDone)
    laid.tombstones += done.laid
    laid.usersForgotten += done.usersForgotten
  }
  stages?.begin(
    'tombstones',
    lists.reduce((total, { size }) => total + size, 0),
  )
  for (const list of lists) {
    await lay(list, (done) => stages?.advance(before + done))
    before += list.size
  }
  stages?.end()

  const counts = noWrites()
  const faults = noFaults()
  let done = 0
  stages?.begin('records', survey.records - known.size)
  const records = vettedRecords(source, tenant, faults)
  for await (const batch of recordBatches(records, ({ table }) => table !== 'tombstone')) {
    signal?.throwIfAborted()
    await writeRecords(target, batch, known, counts)
    done += batch.rows.length
    stages?.advance(done)
  }
  // Users forgotten in the source since: their records may have been read before.
  if (tombstonesNow !== null) {
    const list = await tombstonesNow()
    await lay(list, () => {})
    known.addAll(list)
  }
  await target.flushed()
  stages?.end()

  const verified = nothingVerified()
  let looked = 0
  stages?.begin('verify', survey.records)
  for await (const batch of recordBatches(vettedRecords(source, tenant, noFaults()), () => true)) {
    signal?.throwIfAborted()
    await verifyRecords(target, batch, known, verified)
    looked += batch.rows.length
    stages?.advance(looked)
  }
  stages?.end()
  return { ...counts, tenants: [...survey.tenants.keys()], ...laid, faults, verified }
}
