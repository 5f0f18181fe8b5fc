import { expect, it } from 'vitest'
import { StoreCorruptError, StoreFormatError } from '../validation/errors.ts'
import {
  appendToEvents,
  decodeEvents,
  type EventEntry,
  eventId,
  maxEventRecordBytes,
  maxPayloadBytes,
} from './event-record.ts'
import { addressSeed } from './record.ts'

const seed = addressSeed('t', 'u')
const entry = (id: string, timeMs = 1, payload = Buffer.from(id)): EventEntry => ({ id: eventId(id), timeMs, payload })
const idsOf = (record: Uint8Array) => decodeEvents(record, seed).map(({ payload }) => Buffer.from(payload).toString())

it('equals a list kept by the rule in words', () => {
  let drawn = 9
  const next = (n: number) => {
    drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((drawn / 2 ** 32) * n)
  }
  for (let round = 0; round < 100; round++) {
    const maxEvents = 1 + next(7)
    let held: { id: string; timeMs: number }[] = []
    let record: Uint8Array | undefined
    for (let step = 0; step < 20; step++) {
      const start = next(12)
      const added = Array.from({ length: 1 + next(4) }, (_, i) => ({ id: `e${start + i}`, timeMs: next(9) }))
      const before = held
      const fresh = added.filter(({ id }) => !before.some((each) => each.id === id))
      held = [...held, ...fresh].slice(-maxEvents)
      const result = appendToEvents(
        record,
        added.map(({ id, timeMs }) => entry(id, timeMs)),
        maxEvents,
        seed,
      )
      expect([...result.duplicate]).toEqual(added.map((each) => (fresh.includes(each) ? 0 : 1)))
      expect(result.record === null).toBe(fresh.length === 0)
      record = result.record ?? record
      expect(idsOf(record!)).toEqual(held.map(({ id }) => id))
      expect(decodeEvents(record!, seed).map(({ timeMs }) => timeMs)).toEqual(held.map(({ timeMs }) => timeMs))
    }
  }
})

it('keeps fewer events where their record would pass 16 MiB', () => {
  const payload = Buffer.alloc(maxPayloadBytes, 1)
  const entries = Array.from({ length: 256 }, (_, e) => entry(`e${e}`, e, payload))
  const { record } = appendToEvents(undefined, entries, 256, seed)
  expect(record!.length).toBeLessThanOrEqual(maxEventRecordBytes)
  const events = decodeEvents(record!, seed)
  expect(events).toHaveLength(255)
  expect(events[254].timeMs).toBe(255)
  const next = appendToEvents(record!, [entry('small', 999)], 256, seed).record!
  expect(next.length).toBeLessThanOrEqual(maxEventRecordBytes)
  expect(decodeEvents(next, seed).at(-1)!.timeMs).toBe(999)
})

it('takes empty payloads, and refuses flipped bits, other lengths and counts that do not fit', () => {
  const record = appendToEvents(undefined, [entry('a'), entry('b', 2, Buffer.alloc(0))], 9, seed).record!
  expect(decodeEvents(record, seed).map(({ payload }) => payload.length)).toEqual([1, 0])
  for (let bit = 0; bit < record.length * 8; bit++) {
    const flipped = record.slice()
    flipped[bit >> 3] ^= 1 << (bit & 7)
    expect(() => decodeEvents(flipped, seed)).toThrow(bit > 0 && bit < 8 ? StoreFormatError : StoreCorruptError)
  }
  for (let length = 0; length < record.length; length++) {
    expect(() => decodeEvents(record.slice(0, length), seed)).toThrow(StoreCorruptError)
  }
})

it('takes 8 bytes of SHA-256 for an id', () => {
  expect(Buffer.from(eventId('abc')).toString('hex')).toBe('ba7816bf8f01cfea')
})
