import { StoreCorruptError } from '../validation/errors.ts'
import { readUint32, writeUint32 } from './codec/little-endian.ts'
import {
  addressSeed,
  formatError,
  formatVersion,
  headerBytes,
  type RecordAddress,
  recordChecksum,
  recordTable,
} from './record.ts'

/** Bytes that format 2 has put between a ring's counts and its pooled vector: codec fp16, then zeros. */
const ringGapAt = headerBytes + 4
const ringGapBytes = 4

/**
 * Brings a record of an older format up to this one, its version kept; one of this format is given back as it is. Format 1
 * had rings of fp16 only, and neither events nor tombstones. Until format 2 the checksum did not cover the address, so
 * that one which was changed by then is not noticed.
 *
 * @throws StoreFormatError for a format that is not known; StoreCorruptError
 */
export function migrateRecord({ tenant, key, model }: RecordAddress, record: Uint8Array): Uint8Array {
  if (record.length < headerBytes) {
    throw new StoreCorruptError(`a record has ${record.length} bytes, less than its header; restore a backup`)
  }
  const format = record[0]
  if (format === formatVersion) return record
  if (format < 1 || format > formatVersion) throw formatError('a record', format)
  const table = recordTable(record)
  const isSound = readUint32(record, 4) === recordChecksum(record, 0)
  if (!isSound || table === undefined || (table === 'ring' && record.length < ringGapAt)) {
    throw new StoreCorruptError(
      `a record of format ${format} fails its checksum; check it with the version that wrote it`,
    )
  }
  const gapBytes = format === 1 && table === 'ring' ? ringGapBytes : 0
  const next = new Uint8Array(record.length + gapBytes)
  const headBytes = gapBytes > 0 ? ringGapAt : record.length
  next.set(record.subarray(0, headBytes))
  next.set(record.subarray(headBytes), headBytes + gapBytes)
  next[0] = formatVersion
  writeUint32(next, 12, next.length - headerBytes)
  writeUint32(next, 4, recordChecksum(next, addressSeed(tenant, key, model)))
  return next
}
