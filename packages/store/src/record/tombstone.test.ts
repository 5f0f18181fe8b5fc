import { expect, it } from 'vitest'
import { StoreCorruptError, StoreFormatError } from '../validation/errors.ts'
import { addressSeed, allocateRecord, recordVersion, sealRecord } from './record.ts'
import { checkTombstone, digestOf, encodeTombstone, tombstoneTimeMs } from './tombstone.ts'

it('lies under 22 characters of SHA-256 of tenant and user', () => {
  // `printf 'default\0u' | openssl dgst -sha256 -binary | basenc --base64url`
  expect(digestOf('default', 'u')).toBe('RZz2r2W6mM8L31x5FDHGVY')
  expect(digestOf('defaultu', '')).not.toBe(digestOf('default', 'u'))
})

it('holds a time, and no damage', () => {
  const record = encodeTombstone('t', 'digest', 1_700_000_000_123)
  checkTombstone('t', 'digest', record)
  expect(tombstoneTimeMs(record)).toBe(1_700_000_000_123)
  expect(Buffer.from(record).readDoubleLE(16)).toBe(1_700_000_000_123)
  expect(tombstoneTimeMs(undefined)).toBe(-Infinity)
  expect(recordVersion(record)).not.toBe(0)
  for (let bit = 0; bit < record.length * 8; bit++) {
    const flipped = record.slice()
    flipped[bit >> 3] ^= 1 << (bit & 7)
    expect(() => checkTombstone('t', 'digest', flipped)).toThrow(
      bit > 0 && bit < 8 ? StoreFormatError : StoreCorruptError,
    )
  }
  expect(() => checkTombstone('t', 'other', record)).toThrow(StoreCorruptError)
  const long = allocateRecord(9)
  sealRecord(long, 'tombstone', 1, addressSeed('t', 'digest'))
  expect(() => checkTombstone('t', 'digest', long)).toThrow(StoreCorruptError)
  expect(() => checkTombstone('t', 'digest', encodeTombstone('t', 'digest', Number.NaN))).toThrow(StoreCorruptError)
})
