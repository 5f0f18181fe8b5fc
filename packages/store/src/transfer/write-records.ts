import { type Driver, type RecordWrite, writeOutcome } from '../drivers/driver.ts'
import { checkStored } from '../record/check-record.ts'
import { recordVersion } from '../record/record.ts'
import { inPlaceOf, isNewer, sameContent } from '../record/record-order.ts'
import { digestOf } from '../record/tombstone.ts'
import { StoreError } from '../validation/errors.ts'
import { heldRecords } from './held-records.ts'
import type { TombstoneList } from './tombstone-list.ts'
import type { RecordBatch, VettedRecord } from './vetted-records.ts'

/** What became of records that were to be written. */
export interface WriteCounts {
  written: number
  /** The target holds the same. */
  unchanged: number
  /** The target holds something else that is not older. */
  kept: number
  /** The target's tombstone forbids them. */
  forgotten: number
}

/** What a store's record must be to take the place of another. */
export type Standing = 'unchanged' | 'newer' | 'kept'

/** How a record stands to the sound or damaged one that is held at its address. */
export function standingOf({ record, ...address }: VettedRecord, held: Uint8Array): Standing {
  // The same but for its checksum is damaged there.
  if (!isSound(address, held)) return 'newer'
  if (sameContent(record, held)) return 'unchanged'
  return isNewer(address, record, held) ? 'newer' : 'kept'
}

/**
 * The time that a tombstone must not have reached for a record to be written. A ring and events say what time they are
 * of. A state does not; it is of after the last forgetting that its own store knows, and of any time since.
 */
export function featureTimeOf(row: VettedRecord, known: TombstoneList): number | undefined {
  const { table, tenant, key, earliestMs } = row
  if (earliestMs !== null) return earliestMs
  if (table !== 'user') return undefined
  const forgottenMs = known.timeMs(tenant, digestOf(tenant, key))
  // No tombstone is of before 1970.
  return forgottenMs === -Infinity ? -1 : nextAfter(forgottenMs)
}

/**
 * Writes records with the versions they have. What the target holds gives way to what is newer (`record-order.ts`), never
 * to what is older.
 *
 * @param known tombstones of the store from which the records come
 */
export async function writeRecords(
  target: Driver,
  { tenant, rows }: RecordBatch,
  known: TombstoneList,
  counts: WriteCounts,
): Promise<void> {
  const writeOf = (row: VettedRecord, expected: number, record: Uint8Array): RecordWrite => {
    const { table, key, model } = row
    if (table === 'tombstone') throw new RangeError('tombstones are laid, not written')
    return { table, key, model, expected, record, featureTimeMs: featureTimeOf(row, known) }
  }
  // As if the target had none of them, which costs one round trip where it is so.
  let pending = rows.map((row) => ({ row, write: writeOf(row, 0, row.record) }))
  while (pending.length > 0) {
    const groups = pending.map(({ write }) => [write])
    const outcomes = await target.write(tenant, groups)
    const moved: VettedRecord[] = []
    for (const [i, { row }] of pending.entries()) {
      if (outcomes[i] === writeOutcome.written) counts.written++
      else if (outcomes[i] === writeOutcome.forgotten) counts.forgotten++
      else moved.push(row)
    }
    pending = []
    const held = await heldRecords(target, tenant, moved)
    for (const [i, row] of moved.entries()) {
      const there = held[i]
      const standing = there === undefined ? 'newer' : standingOf(row, there)
      if (standing !== 'newer') counts[standing]++
      else {
        const record = there === undefined ? row.record : inPlaceOf(row, row.record, there)
        pending.push({ row, write: writeOf(row, recordVersion(there), record) })
      }
    }
  }
}

function isSound(address: Omit<VettedRecord, 'record'>, record: Uint8Array): boolean {
  try {
    checkStored(address, record)
    return true
  } catch (error) {
    if (error instanceof StoreError) return false
    throw error
  }
}

/** The next larger double, for numbers of 0 and more. */
function nextAfter(value: number): number {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  bits.setBigUint64(0, bits.getBigUint64(0) + 1n)
  return bits.getFloat64(0)
}
