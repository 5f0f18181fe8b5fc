import { expect, it } from 'vitest'
import { StoreCorruptError, StoreFormatError } from './errors.ts'
import { allocateRecord, recordVersion, sealRecord } from './record.ts'
import { checkTombstone, digestOf, encodeTombstone, tombstoneTimeMs } from './tombstone.ts'

it('lies under 22 characters of SHA-256 of tenant and user', () => {
  // `printf 'default\0u' | openssl dgst -sha256 -binary | basenc --base64url`
  expect(digestOf('default', 'u')).toBe('RZz2r2W6mM8L31x5FDHGVY')
  expect(digestOf('defaultu', '')).not.toBe(digestOf('default', 'u'))
})

it('holds a time, and no damage', () => {
  const record = encodeTombstone(1_700_000_000_123)
  checkTombstone(record)
  expect(tombstoneTimeMs(record)).toBe(1_700_000_000_123)
  expect(new DataView(record.buffer).getFloat64(16, true)).toBe(1_700_000_000_123)
  expect(tombstoneTimeMs(undefined)).toBe(-Infinity)
  expect(recordVersion(record)).not.toBe(0)
  for (let bit = 0; bit < record.length * 8; bit++) {
    const flipped = record.slice()
    flipped[bit >> 3] ^= 1 << (bit & 7)
    expect(() => checkTombstone(flipped)).toThrow(bit < 8 ? StoreFormatError : StoreCorruptError)
  }
  const long = allocateRecord(9)
  sealRecord(long, 'tombstone', 1)
  expect(() => checkTombstone(long)).toThrow(StoreCorruptError)
  expect(() => checkTombstone(encodeTombstone(Number.NaN))).toThrow(StoreCorruptError)
})
