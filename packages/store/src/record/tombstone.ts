/**
 * A tombstone records when a user was forgotten, so that work which was in progress then does not bring the user back.
 * It lies under a digest of the user's key, which it does not hold.
 *
 * 16 f64 time of the forgetting, milliseconds since 1970
 */
import { hash } from 'node:crypto'
import { StoreCorruptError } from '../validation/errors.ts'
import { readFloat64, writeFloat64 } from './codec/little-endian.ts'
import { addressSeed, allocateRecord, checkRecord, headerBytes, nextVersion, sealRecord } from './record.ts'

/** The first 22 characters, 132 bits, of SHA-256 over tenant, NUL, user in base64url. */
export function digestOf(tenant: string, user: string): string {
  return hash('sha256', `${tenant}\0${user}`, 'base64url').slice(0, 22)
}

/** Each has a version of its own, so that a sweep does not remove one that was set anew. */
export function encodeTombstone(tenant: string, digest: string, atMs: number): Uint8Array {
  const record = allocateRecord(8)
  writeFloat64(record, headerBytes, atMs)
  sealRecord(record, 'tombstone', nextVersion(0), addressSeed(tenant, digest))
  return record
}

/** Time of a tombstone, unchecked: for drivers; −Infinity where there is none. */
export function tombstoneTimeMs(record: Uint8Array | undefined): number {
  return record === undefined ? -Infinity : readFloat64(record, headerBytes)
}

/** Checks all of a tombstone. @throws StoreFormatError, StoreCorruptError */
export function checkTombstone(tenant: string, digest: string, record: Uint8Array): void {
  checkRecord(record, 'tombstone', addressSeed(tenant, digest))
  if (record.length !== headerBytes + 8 || !Number.isFinite(readFloat64(record, headerBytes))) {
    throw new StoreCorruptError('a tombstone does not hold a time; forget the user again')
  }
}
