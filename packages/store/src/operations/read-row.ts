import { readFloat64, readUint32 } from '../record/codec/little-endian.ts'
import { checkRing, copyPooled, decodeLatest, decodePooled, newestTagAt } from '../record/ring.ts'
import { type ModelColumns, readStatus } from './read-buffer.ts'

/**
 * Reads a ring into a row of columns.
 *
 * @param expiredBeforeMs rings whose newest feature time is before it are `expired`
 * @throws DimensionError, StoreCorruptError, StoreFormatError
 */
export function readRow(
  record: Uint8Array,
  into: ModelColumns,
  row: number,
  expiredBeforeMs: number | undefined,
): void {
  const { dim, pooled, halfBytes, latest } = into
  checkRing(record, dim)
  const tagAt = newestTagAt(dim)
  const featureTimeMs = readFloat64(record, tagAt + 8)
  into.snapshot[row] = readUint32(record, tagAt)
  into.frame[row] = readUint32(record, tagAt + 4)
  into.featureTimeMs[row] = featureTimeMs
  into.writtenMs[row] = readFloat64(record, tagAt + 16)
  const to = row * dim
  if (expiredBeforeMs !== undefined && featureTimeMs < expiredBeforeMs) {
    into.status[row] = readStatus.expired
    clearVectors(into, row)
    return
  }
  into.status[row] = readStatus.found
  if (halfBytes === null) decodePooled(record, dim, pooled, to)
  else copyPooled(record, dim, halfBytes, to)
  if (latest !== null) decodeLatest(record, dim, latest, to)
}

/** Makes a row of columns that of a user of whom nothing is held, or known. @param status `missing` or `unavailable` */
export function clearRow(into: ModelColumns, row: number, status: number): void {
  into.status[row] = status
  into.snapshot[row] = 0
  into.frame[row] = 0
  into.featureTimeMs[row] = 0
  into.writtenMs[row] = 0
  clearVectors(into, row)
}

function clearVectors({ dim, pooled, halves, latest }: ModelColumns, row: number): void {
  pooled.fill(0, row * dim, (row + 1) * dim)
  halves?.fill(0, row * dim, (row + 1) * dim)
  latest?.fill(0, row * dim, (row + 1) * dim)
}
