/**
 * A backup: one file that any machine and any driver can read, little-endian.
 *
 *  0 8 bytes "HWBACKUP"      8 u32 format of the file      12 u32 H, bytes of the header's rest with its checksum
 * 16 u32 format of the records      20 f64 time it was made, milliseconds since 1970      28 u32 T, tenants
 * then T tenants of u16 bytes of the name, name, five u64 counts of ring, user, item, events and tombstone records
 * then u32 CRC-32 of all before it
 *
 * Blocks, each of whole records:
 *  0 u32 C, bytes of content      4 u32 records, never 0      8 u32 CRC-32 of those eight bytes and the content
 * 12 C bytes: records of u8 table, u8 zero, u16 place of the tenant, u16 bytes of the key, u16 bytes of the model, u32
 *    bytes of the record; key, model (rings only), record
 *
 * The end: u32 0, u32 number of blocks, u32 CRC-32 of those eight bytes, 32 bytes SHA-256 of everything from the first
 * block to this checksum, and then of the header. Nothing follows.
 *
 * The header comes last in the sum, as its counts are known last.
 */

import type { StoredRecord } from '../../drivers/driver.ts'
import { crc32 } from '../../record/codec/crc32.ts'
import { formatVersion, type Table, tables } from '../../record/record.ts'

export const magic = Buffer.from('HWBACKUP')
export const backupFormat = 1
export const fixedHeaderBytes = 32
export const leadBytes = 16
export const maxHeaderBytes = 2 ** 26
export const maxTenants = 65_535
export const blockHeadBytes = 12
export const maxBlockBytes = 2 ** 28
export const sumBytes = 32
export const entryHeadBytes = 12

export interface BackupTenant {
  readonly tenant: string
  readonly records: Readonly<Record<Table, number>>
}

export interface BackupHeader {
  readonly madeMs: number
  readonly tenants: readonly BackupTenant[]
}

/** Always of the same length for the same names. */
export function encodeHeader({ madeMs, tenants }: BackupHeader): Buffer {
  const names = tenants.map(({ tenant }) => Buffer.from(tenant))
  const perTenant = 2 + 8 * tables.length
  const header = Buffer.alloc(fixedHeaderBytes + names.reduce((sum, name) => sum + perTenant + name.length, 0) + 4)
  magic.copy(header)
  header.writeUInt32LE(backupFormat, 8)
  header.writeUInt32LE(header.length - leadBytes, 12)
  header.writeUInt32LE(formatVersion, 16)
  header.writeDoubleLE(madeMs, 20)
  header.writeUInt32LE(tenants.length, 28)
  let at = fixedHeaderBytes
  for (const [i, { records }] of tenants.entries()) {
    at = header.writeUInt16LE(names[i].length, at)
    at += names[i].copy(header, at)
    for (const table of tables) at = header.writeBigUInt64LE(BigInt(records[table]), at)
  }
  header.writeUInt32LE(crc32(header, 0, at, 0), at)
  return header
}

/** The head of a block, or of the end where `content` is empty and `count` the number of blocks. */
export function encodeBlockHead(content: Uint8Array, count: number): Buffer {
  const head = Buffer.alloc(blockHeadBytes)
  head.writeUInt32LE(content.length, 0)
  head.writeUInt32LE(count, 4)
  head.writeUInt32LE(blockChecksum(head, content), 8)
  return head
}

export function blockChecksum(head: Uint8Array, content: Uint8Array): number {
  return crc32(content, 0, content.length, crc32(head, 0, 8, 0))
}

export function encodeEntry({ table, key, model = '', record }: StoredRecord, tenantPlace: number): Buffer {
  const [keyBytes, modelBytes] = [Buffer.from(key), Buffer.from(model)]
  const entry = Buffer.alloc(entryHeadBytes + keyBytes.length + modelBytes.length + record.length)
  entry[0] = tables.indexOf(table) + 1
  entry.writeUInt16LE(tenantPlace, 2)
  entry.writeUInt16LE(keyBytes.length, 4)
  entry.writeUInt16LE(modelBytes.length, 6)
  entry.writeUInt32LE(record.length, 8)
  keyBytes.copy(entry, entryHeadBytes)
  modelBytes.copy(entry, entryHeadBytes + keyBytes.length)
  entry.set(record, entryHeadBytes + keyBytes.length + modelBytes.length)
  return entry
}
