import type { Driver } from '../drivers/driver.ts'
import { digestOf, tombstoneTimeMs } from '../record/tombstone.ts'
import { heldRecords, tombstoneTimes } from './held-records.ts'
import type { TombstoneList } from './tombstone-list.ts'
import type { RecordBatch } from './vetted-records.ts'
import { featureTimeOf, standingOf } from './write-records.ts'

/** How a store's records compare with those of the store that was copied to. */
export interface VerifyCounts {
  equal: number
  /** The target holds something else that is not older. */
  kept: number
  /** The target's tombstone forbids them. */
  forgotten: number
  /** The target holds nothing, or something older: written to the source meanwhile, or lost. */
  behind: number
}

/** Reads records back and compares them with those that they were written from; tombstones are compared by time. */
export async function verifyRecords(
  target: Driver,
  { tenant, rows }: RecordBatch,
  known: TombstoneList,
  counts: VerifyCounts,
): Promise<void> {
  const tombstones = rows.filter(({ table }) => table === 'tombstone')
  const digests = tombstones.map(({ key }) => key)
  const laid = await tombstoneTimes(target, tenant, digests)
  for (const [i, { record }] of tombstones.entries()) {
    counts[laid[i] >= tombstoneTimeMs(record) ? 'equal' : 'behind']++
  }
  const others = rows.filter(({ table }) => table !== 'tombstone')
  const held = await heldRecords(target, tenant, others)
  const unwritten = others.filter((row, i) => {
    const there = held[i]
    const standing = there === undefined ? 'newer' : standingOf(row, there)
    if (standing !== 'newer') counts[standing === 'unchanged' ? 'equal' : 'kept']++
    return standing === 'newer'
  })
  const users = unwritten.map(({ key }) => digestOf(tenant, key))
  const forgottenMs = await tombstoneTimes(target, tenant, users)
  for (const [i, row] of unwritten.entries()) {
    const isForgotten = forgottenMs[i] >= (featureTimeOf(row, known) ?? Infinity)
    counts[isForgotten ? 'forgotten' : 'behind']++
  }
}
