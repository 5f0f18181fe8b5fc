import { writeUint32 } from './codec/little-endian.ts'
import { StoreCorruptError } from './errors.ts'
import { formatError, formatVersion, headerBytes, recordChecksum, recordTable } from './record.ts'

/** Bytes that format 2 has put between a ring's counts and its pooled vector: codec fp16, then zeros. */
const ringGapAt = headerBytes + 4
const ringGapBytes = 4

/**
 * Brings a record of an older format up to this one, its version kept; one of this format is given back as it is. Format 1
 * had rings of fp16 only, and neither events nor tombstones.
 *
 * @throws StoreFormatError for a format that is not known; StoreCorruptError
 */
export function migrateRecord(record: Uint8Array): Uint8Array {
  if (record.length < headerBytes) {
    throw new StoreCorruptError(`a record has ${record.length} bytes, less than its header; restore a backup`)
  }
  if (record[0] === formatVersion) return record
  if (record[0] !== 1) throw formatError('a record', record[0])
  const checked = new DataView(record.buffer, record.byteOffset).getUint32(4, true) === recordChecksum(record)
  const table = recordTable(record)
  if (!checked || table === undefined || (table === 'ring' && record.length < ringGapAt)) {
    throw new StoreCorruptError('a record of format 1 fails its checksum; check it with the version that wrote it')
  }
  const next = new Uint8Array(record.length + (table === 'ring' ? ringGapBytes : 0))
  if (table === 'ring') {
    next.set(record.subarray(0, ringGapAt))
    next.set(record.subarray(ringGapAt), ringGapAt + ringGapBytes)
  } else next.set(record)
  next[0] = formatVersion
  writeUint32(next, 12, next.length - headerBytes)
  writeUint32(next, 4, recordChecksum(next))
  return next
}
