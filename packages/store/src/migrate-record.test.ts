import { expect, it } from 'vitest'
import { StoreCorruptError, StoreFormatError } from './errors.ts'
import { migrateRecord } from './migrate-record.ts'
import { appendToRing, decodeRing } from './ring.ts'
import { decodeState } from './state-record.ts'
import { encodeTombstone } from './tombstone.ts'

/** As the version before wrote them: a ring of two slots, version 2, and an item's state, version 5. */
const ringBytes =
  '010100004df64bd602000000460000000300020200' +
  '4000bc0030080000000200000000002665febc784200806465febc78420042000000b4' +
  '070000000200000000008056febc784200a08f56febc7842003c00c00038'
const itemBytes = '01030000bc586a3c05000000030000000102fa'
const hex = (bytes: string) => new Uint8Array(Buffer.from(bytes, 'hex'))

it('brings a ring of format 1 up to date, byte for byte', () => {
  const old = hex(ringBytes)
  const ring = migrateRecord(old)
  expect(decodeRing(ring)).toEqual({
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
  const next = appendToRing(ring, tag, Float32Array.of(5, 5, 5), 0, 3, { slots: 3, count: 3, slot: 'snapshot' })
  expect([...decodeRing(next.record!).pooled]).toEqual([3, 1, Math.fround(1.75)])
  expect(decodeRing(next.record!).version).toBe(3)
})

it('brings a state up to date, with its version', () => {
  const item = migrateRecord(hex(itemBytes))
  expect(decodeState('item', item)).toEqual(Uint8Array.of(1, 2, 250))
  expect(new DataView(item.buffer).getUint32(8, true)).toBe(5)
})

it('leaves records of this format, and refuses damaged ones and other formats', () => {
  const now = encodeTombstone(5)
  expect(migrateRecord(now)).toBe(now)
  for (const bytes of [ringBytes, itemBytes]) {
    for (let bit = 8; bit < bytes.length * 4; bit++) {
      const flipped = hex(bytes)
      flipped[bit >> 3] ^= 1 << (bit & 7)
      expect(() => migrateRecord(flipped)).toThrow(StoreCorruptError)
    }
    for (let length = 0; length < bytes.length / 2; length++) {
      expect(() => migrateRecord(hex(bytes).subarray(0, length))).toThrow(StoreCorruptError)
    }
    for (const format of [0, 3, 255]) {
      const other = hex(bytes)
      other[0] = format
      expect(() => migrateRecord(other)).toThrow(StoreFormatError)
    }
  }
})
