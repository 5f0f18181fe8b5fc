import type { Driver, RecordRemoval } from '../drivers/driver.ts'
import { recordVersion } from '../record/record.ts'
import { StoreError } from '../validation/errors.ts'
import { checkInteger } from '../validation/numbers.ts'

/** A slice of a sweep. */
export interface SweepSlice {
  /** About as many records are looked at. */
  readonly maxRecords: number
  /** What the slice before returned; absent or null: from the start. */
  readonly cursor?: string | null
}

export interface RingSweep extends SweepSlice {
  readonly model: string
  /** Rings whose newest feature time is before this are removed. */
  readonly expiredBeforeMs: number
}

export interface TombstoneSweep extends SweepSlice {
  /** Tombstones older than the store's retention at this time are removed. */
  readonly nowMs: number
}

export interface SweepReport {
  /** Records looked at, of all models. */
  readonly visited: number
  readonly removed: number
  /** For the next slice; null where this was the last. */
  readonly cursor: string | null
}

/** Removes the records of a slice that are over. One that was renewed meanwhile stays, and so does one that is damaged. */
export async function sweepSlice(
  driver: Driver,
  tenant: string,
  table: 'ring' | 'tombstone',
  { maxRecords, cursor = null }: SweepSlice,
  isOver: (record: Uint8Array, key: string, model: string | undefined) => boolean,
): Promise<SweepReport> {
  checkInteger('maxRecords', maxRecords, 1)
  let visited = 0
  const over: RecordRemoval[] = []
  const next = await driver.scan(tenant, table, cursor, maxRecords, (key, model, record) => {
    visited++
    try {
      if (isOver(record, key, model)) over.push({ table, key, model, expected: recordVersion(record) })
    } catch (error) {
      // A damaged record is left for `check()` to report.
      if (!(error instanceof StoreError)) throw error
    }
  })
  const done = over.length === 0 ? [] : [...(await driver.remove(tenant, over))]
  return { visited, removed: done.filter((each) => each === 1).length, cursor: next }
}
