/**
 * What every stored record starts with, little-endian:
 *
 *  0 u8  format     1 u8 table     2 u16 zero
 *  4 u32 CRC-32 of all other bytes
 *  8 u32 version, from 1: what compare-and-set compares
 * 12 u32 bytes after the header
 *
 * Drivers read the version and nothing else.
 */
import { crc32 } from './codec/crc32.ts'
import { readUint32, writeUint32 } from './codec/little-endian.ts'
import { StoreCorruptError, StoreFormatError } from './errors.ts'

export type Table = 'ring' | 'user' | 'item'
export const tables: readonly Table[] = ['ring', 'user', 'item']

export const formatVersion = 1
export const headerBytes = 16

const tableCode: Record<Table, number> = { ring: 1, user: 2, item: 3 }

/** Version of a record; 0 stands for none. */
export function recordVersion(record: Uint8Array | undefined): number {
  return record === undefined ? 0 : readUint32(record, 8)
}

/** The version after `version`; it wraps past 0, which stands for no record. */
export function nextVersion(version: number): number {
  return version === 0xffffffff ? 1 : version + 1
}

export function allocateRecord(payloadBytes: number): Uint8Array {
  return new Uint8Array(headerBytes + payloadBytes)
}

/** Writes the header of a record whose payload is complete. */
export function sealRecord(record: Uint8Array, table: Table, version: number): void {
  record[0] = formatVersion
  record[1] = tableCode[table]
  record[2] = 0
  record[3] = 0
  writeUint32(record, 8, version)
  writeUint32(record, 12, record.length - headerBytes)
  writeUint32(record, 4, checksum(record))
}

/**
 * Checks all of a record but its checksum: cheap enough for every read.
 *
 * @throws StoreFormatError, StoreCorruptError
 */
export function checkHeader(record: Uint8Array, table: Table): void {
  if (record.length < headerBytes) {
    throw new StoreCorruptError(`a ${table} record has ${record.length} bytes, less than its header; restore a backup`)
  }
  if (record[0] !== formatVersion) {
    throw new StoreFormatError(
      `a ${table} record has format ${record[0]}, this version reads ${formatVersion}; upgrade, or restore a backup`,
    )
  }
  if (record[1] !== tableCode[table] || readUint32(record, 12) !== record.length - headerBytes) {
    throw new StoreCorruptError(`a ${table} record's header does not fit it; run a check and restore a backup`)
  }
}

/** Checks all of a record. @throws StoreFormatError, StoreCorruptError */
export function checkRecord(record: Uint8Array, table: Table): void {
  checkHeader(record, table)
  if (readUint32(record, 4) !== checksum(record)) {
    throw new StoreCorruptError(`a ${table} record fails its checksum; run a check and restore a backup`)
  }
}

function checksum(record: Uint8Array): number {
  return crc32(record, 8, record.length, crc32(record, 0, 4, 0))
}
