import { expect, it } from 'vitest'
import { ringContents } from '../../testing/ring-contents.ts'
import { StoreCorruptError, StoreFormatError } from '../validation/errors.ts'
import { decodeEvents } from './event-record.ts'
import { migrateRecord } from './migrate-record.ts'
import { addressSeed, type RecordAddress } from './record.ts'
import { appendToRing, checkedTags } from './ring.ts'
import { decodeState } from './state-record.ts'
import { checkTombstone, encodeTombstone, tombstoneTimeMs } from './tombstone.ts'

const ringAt: RecordAddress = { table: 'ring', tenant: 't', key: 'u', model: 'm' }
const itemAt: RecordAddress = { table: 'item', tenant: 't', key: 'i' }
const ringSeed = addressSeed('t', 'u', 'm')

/** As format 1 was written: a ring of two slots, version 2, and an item's state, version 5. */
const ringBytes =
  '010100004df64bd602000000460000000300020200' +
  '4000bc0030080000000200000000002665febc784200806465febc78420042000000b4' +
  '070000000200000000008056febc784200a08f56febc7842003c00c00038'
const itemBytes = '01030000bc586a3c05000000030000000102fa'
/** As format 2 was written. */
const second = {
  ring:
    '02010000b6c5efa51af33ad02d0000000300010101000000f05700bc0000' +
    '070000000200000000008056febc784200a08f56febc78420000803f7fff00',
  events: '02040000ff02d69e1cd8a1d41a00000001000000ca978112ca1bbdca00008056febc7842020000000102',
  tombstone: '02050000848fe69261ad3bb40800000000b08756febc7842',
  user: '02020000744102ba09000000030000000102fa',
}
const hex = (bytes: string) => new Uint8Array(Buffer.from(bytes, 'hex'))

it('brings a ring of format 1 up to date, byte for byte', () => {
  const old = hex(ringBytes)
  const ring = migrateRecord(ringAt, old)
  expect(ringContents(ring)).toEqual({
    dim: 3,
    codec: 'fp16',
    version: 2,
    pooledSlots: 2,
    pooled: Float32Array.of(2, -1, 0.125),
    slots: [
      {
        snapshot: 8,
        frame: 2,
        featureTimeMs: 1_700_000_060_000,
        writtenMs: 1_700_000_061_000,
        vector: Float32Array.of(3, 0, -0.25),
      },
      {
        snapshot: 7,
        frame: 2,
        featureTimeMs: 1_700_000_000_000,
        writtenMs: 1_700_000_000_250,
        vector: Float32Array.of(1, -2, 0.5),
      },
    ],
  })
  // The old one is as it was, and the new one takes the next embedding.
  expect(Buffer.from(old).toString('hex')).toBe(ringBytes)
  const tag = { snapshot: 9, frame: 2, featureTimeMs: 1_700_000_070_000, writtenMs: 1_700_000_070_001 }
  const policy = { slots: 3, count: 3, slot: 'snapshot' } as const
  const next = appendToRing(ring, ringSeed, tag, Float32Array.of(5, 5, 5), 0, 3, policy) as Uint8Array
  expect([...ringContents(next).pooled]).toEqual([3, 1, Math.fround(1.75)])
  expect(ringContents(next).version).toBe(3)
})

it('brings a state up to date, with its version', () => {
  const item = migrateRecord(itemAt, hex(itemBytes))
  expect(decodeState('item', item, addressSeed('t', 'i'))).toEqual(Uint8Array.of(1, 2, 250))
  expect(new DataView(item.buffer).getUint32(8, true)).toBe(5)
})

it('brings records of format 2 up to date, whose checksums then hold for their addresses alone', () => {
  const ring = migrateRecord(ringAt, hex(second.ring))
  expect(ringContents(ring)).toMatchObject({
    codec: 'int8',
    version: 3_493_524_250,
    pooled: Float32Array.of(127, -1, 0),
    slots: [{ snapshot: 7, frame: 2, featureTimeMs: 1_700_000_000_000, writtenMs: 1_700_000_000_250 }],
  })
  expect(checkedTags(ring, ringSeed)).toHaveLength(1)
  expect(() => checkedTags(ring, addressSeed('t', 'v', 'm'))).toThrow(StoreCorruptError)
  const events = migrateRecord({ ...itemAt, table: 'events' }, hex(second.events))
  expect(decodeEvents(events, addressSeed('t', 'i'))).toEqual([
    { timeMs: 1_700_000_000_000, payload: Uint8Array.of(1, 2) },
  ])
  const tombstone = migrateRecord({ ...itemAt, table: 'tombstone' }, hex(second.tombstone))
  checkTombstone('t', 'i', tombstone)
  expect(tombstoneTimeMs(tombstone)).toBe(1_700_000_000_123)
  const user = migrateRecord({ ...itemAt, table: 'user' }, hex(second.user))
  expect(decodeState('user', user, addressSeed('t', 'i'))).toEqual(Uint8Array.of(1, 2, 250))
})

it('leaves records of this format, and refuses damaged ones and other formats', () => {
  const now = encodeTombstone('t', 'digest', 5)
  expect(migrateRecord({ table: 'tombstone', tenant: 't', key: 'digest' }, now)).toBe(now)
  for (const bytes of [ringBytes, itemBytes, ...Object.values(second)]) {
    for (let bit = 8; bit < bytes.length * 4; bit++) {
      const flipped = hex(bytes)
      flipped[bit >> 3] ^= 1 << (bit & 7)
      expect(() => migrateRecord(ringAt, flipped)).toThrow(StoreCorruptError)
    }
    for (let length = 0; length < bytes.length / 2; length++) {
      expect(() => migrateRecord(ringAt, hex(bytes).subarray(0, length))).toThrow(StoreCorruptError)
    }
    for (const format of [0, 4, 255]) {
      const other = hex(bytes)
      other[0] = format
      expect(() => migrateRecord(ringAt, other)).toThrow(StoreFormatError)
    }
  }
})
