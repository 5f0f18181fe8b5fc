/**
 * What every stored record starts with, little-endian:
 *
 *  0 u8  format     1 u8 table     2 u16 zero
 *  4 u32 CRC-32 of the record's address and all its other bytes
 *  8 u32 version, never 0: what compare-and-set compares
 * 12 u32 bytes after the header
 *
 * Drivers read the version and nothing else, but for a tombstone's time.
 */

import { StoreCorruptError, StoreFormatError } from '../validation/errors.ts'
import { crc32, crc32Text } from './codec/crc32.ts'
import { readUint32, writeUint32 } from './codec/little-endian.ts'

/** A record's byte 1 is its table's place here, counted from 1. */
export const tables = ['ring', 'user', 'item', 'events', 'tombstone'] as const
export type Table = (typeof tables)[number]

/** One of something for each table. */
export function perTable<T>(make: () => T): Record<Table, T> {
  return { ring: make(), user: make(), item: make(), events: make(), tombstone: make() }
}

/** Of the records that this version makes. */
export const formatVersion = 3
/**
 * Read beside it, and written where a tenant's servers are being upgraded one after another: the same bytes, but that the
 * checksum does not cover the address.
 */
export const formatBefore = 2
export const headerBytes = 16

/** Where a record lies. */
export interface RecordAddress {
  readonly table: Table
  readonly tenant: string
  /** User, item, or a tombstone's digest. */
  readonly key: string
  /** Rings only. */
  readonly model?: string | undefined
}

/** An address for people to read. */
export function addressText({ table, tenant, key, model }: RecordAddress): string {
  const quoted = [tenant, key, ...(model === undefined ? [] : [model])].map((part) => JSON.stringify(part))
  return `${table} ${quoted.join(' ')}`
}

/**
 * What the checksum of an address's record starts from: the CRC-32 of tenant, NUL and key, for a ring NUL and model too, in
 * UTF-16. A sound record under another's key fails its checksum by that.
 */
export function addressSeed(tenant: string, key: string, model?: string): number {
  const ofKey = crc32Text(key, crc32Text('\0', crc32Text(tenant, 0)))
  return model === undefined ? ofKey : crc32Text(model, crc32Text('\0', ofKey))
}

/** Version of a record; 0 stands for none. */
export function recordVersion(record: Uint8Array | undefined): number {
  return record === undefined ? 0 : readUint32(record, 8)
}

/**
 * The version after `version`. The first is drawn at random, so that a record which was removed and made anew is not taken
 * for the one before: a write from before the removal fails but for one chance in 2^32.
 */
export function nextVersion(version: number): number {
  if (version === 0) return 1 + Math.floor(Math.random() * 0xffffffff)
  return version === 0xffffffff ? 1 : version + 1
}

/**
 * A record of zeros, at an even byte of its buffer. Small ones share chunks: an allocation of its own costs more than
 * filling a record, once for itself and once more where LMDB asks for its address.
 */
export function allocateRecord(payloadBytes: number): Uint8Array {
  const sizeBytes = headerBytes + payloadBytes
  if (sizeBytes > chunkBytes / 8) return new Uint8Array(sizeBytes)
  if (chunkUsed + sizeBytes > chunkBytes) {
    chunk = new Uint8Array(chunkBytes)
    chunkUsed = 0
  }
  const record = chunk.subarray(chunkUsed, chunkUsed + sizeBytes)
  chunkUsed += sizeBytes + (sizeBytes & 1)
  return record
}

const chunkBytes = 2 ** 16
let chunk = new Uint8Array()
let chunkUsed = chunkBytes

/**
 * Writes the header of a record whose payload is complete.
 *
 * @param seed of the address at which it will lie (`addressSeed`)
 */
export function sealRecord(record: Uint8Array, table: Table, version: number, seed: number): void {
  record[0] = formatVersion
  record[1] = codeOf(table)
  record[2] = 0
  record[3] = 0
  writeUint32(record, 8, version)
  writeUint32(record, 12, record.length - headerBytes)
  writeUint32(record, 4, recordChecksum(record, seed))
}

/** A copy of a record of this version as the version before writes it. */
export function asBefore(record: Uint8Array): Uint8Array {
  const copy = new Uint8Array(record)
  copy[0] = formatBefore
  writeUint32(copy, 4, recordChecksum(copy, 0))
  return copy
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
  if (record[0] !== formatVersion && record[0] !== formatBefore) throw formatError(`a ${table} record`, record[0])
  if (record[1] !== codeOf(table) || readUint32(record, 12) !== record.length - headerBytes) {
    throw new StoreCorruptError(`a ${table} record's header does not fit it; run a check and restore a backup`)
  }
}

/**
 * Checks all of a record but its payload's meaning.
 *
 * @param seed of the address at which it lies (`addressSeed`)
 * @throws StoreFormatError, StoreCorruptError
 */
export function checkRecord(record: Uint8Array, table: Table, seed: number): void {
  checkHeader(record, table)
  if (readUint32(record, 4) !== recordChecksum(record, record[0] === formatBefore ? 0 : seed)) {
    throw new StoreCorruptError(
      `a ${table} record fails its checksum: it is damaged, or another key's; run a check and restore a backup`,
    )
  }
}

/** The error for a store or a record of a format that is not this version's; it says what to do. */
export function formatError(what: string, format: number | string): StoreFormatError {
  const known = Number(format) >= 1 && Number(format) < formatVersion
  const remedy = known
    ? 'copy it to a new store with `headwater store copy`, which brings it up to date'
    : 'use the version that wrote it, or restore a backup'
  return new StoreFormatError(
    `${what} has format ${format}, this version writes ${formatVersion} and reads it in this place; ${remedy}`,
  )
}

/** CRC-32 of a record's bytes, all but the checksum's own, that goes on from `seed`. */
export function recordChecksum(record: Uint8Array, seed: number): number {
  return crc32(record, 8, record.length, crc32(record, 0, 4, seed))
}

/** The table that a record's header names, or undefined. */
export function recordTable(record: Uint8Array): Table | undefined {
  return tables[record[1] - 1]
}

function codeOf(table: Table): number {
  return tables.indexOf(table) + 1
}
