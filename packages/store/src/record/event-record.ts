/**
 * The record of one user's last events, in the order in which they arrived, newest last. E = events held.
 *
 * 16 u16 E     18 u16 zero
 * then E events of u64 id, f64 time, u32 bytes of payload, payload
 *
 * An id is held as the first 8 bytes of its SHA-256. A new event is compared with the E held of its user only, so that one
 * in 2^64 / 256, some 7 · 10^16 events, is taken for a repetition by chance.
 */
import { hash } from 'node:crypto'
import { StoreCorruptError } from '../validation/errors.ts'
import { readFloat64, readUint32, writeFloat64, writeUint32 } from './codec/little-endian.ts'
import { allocateRecord, checkRecord, headerBytes, nextVersion, recordVersion, sealRecord } from './record.ts'

export const maxPayloadBytes = 2 ** 16
export const maxEventRecordBytes = 2 ** 24

const firstAt = headerBytes + 4
const eventHeaderBytes = 20

export interface EventEntry {
  /** 8 bytes, `eventId`. */
  readonly id: Uint8Array
  readonly timeMs: number
  readonly payload: Uint8Array
}

export interface AppendedEvents {
  /** The new record, or null where all of the entries are held already. */
  readonly record: Uint8Array | null
  /** [entries] 1 where the id is held already. */
  readonly duplicate: Uint8Array
}

export function eventId(id: string): Uint8Array {
  return hash('sha256', id, 'buffer').subarray(0, 8)
}

/**
 * Adds events of different ids to a user's. The last `maxEvents` stay, and fewer where their record would be larger than
 * 16 MiB.
 *
 * @param seed of the record's address
 * @throws StoreCorruptError, StoreFormatError
 */
export function appendToEvents(
  held: Uint8Array | undefined,
  entries: readonly EventEntry[],
  maxEvents: number,
  seed: number,
): AppendedEvents {
  const offsets = held === undefined ? [] : offsetsOf(held, seed)
  const duplicate = Uint8Array.from(entries, ({ id }) => (held !== undefined && holds(held, offsets, id) ? 1 : 0))
  const added = entries.filter((_, i) => duplicate[i] === 0)
  if (added.length === 0) return { record: null, duplicate }

  // From the newest back, as many as there is room for.
  let count = 0
  let sizeBytes = firstAt
  const sizes = [
    ...offsets.map((offset) => eventHeaderBytes + readUint32(held!, offset + 16)),
    ...added.map(({ payload }) => eventHeaderBytes + payload.length),
  ]
  while (count < maxEvents && count < sizes.length) {
    const next = sizeBytes + sizes[sizes.length - 1 - count]
    if (next > maxEventRecordBytes) break
    sizeBytes = next
    count++
  }

  const record = allocateRecord(sizeBytes - headerBytes)
  record[16] = count & 0xff
  record[17] = count >>> 8
  const keptHeld = Math.max(0, count - added.length)
  let at = firstAt
  if (keptHeld > 0) {
    const tail = held!.subarray(offsets[offsets.length - keptHeld])
    record.set(tail, at)
    at += tail.length
  }
  for (const { id, timeMs, payload } of added.slice(added.length - (count - keptHeld))) {
    record.set(id, at)
    writeFloat64(record, at + 8, timeMs)
    writeUint32(record, at + 16, payload.length)
    record.set(payload, at + eventHeaderBytes)
    at += eventHeaderBytes + payload.length
  }
  sealRecord(record, 'events', nextVersion(recordVersion(held)), seed)
  return { record, duplicate }
}

export interface DecodedEvent {
  readonly timeMs: number
  /** In the record's memory. */
  readonly payload: Uint8Array
}

/** A user's events, newest last. @param seed of the record's address @throws StoreCorruptError, StoreFormatError */
export function decodeEvents(record: Uint8Array, seed: number): DecodedEvent[] {
  return offsetsOf(record, seed).map((offset) => {
    const from = offset + eventHeaderBytes
    return {
      timeMs: readFloat64(record, offset + 8),
      payload: record.subarray(from, from + readUint32(record, offset + 16)),
    }
  })
}

/** Bytes at which the events start; checks all of the record. */
function offsetsOf(record: Uint8Array, seed: number): number[] {
  checkRecord(record, 'events', seed)
  const count = record.length < firstAt ? 0 : record[16] | (record[17] << 8)
  const offsets: number[] = []
  let at = firstAt
  for (let e = 0; e < count && at + eventHeaderBytes <= record.length; e++) {
    offsets.push(at)
    at += eventHeaderBytes + readUint32(record, at + 16)
  }
  if (count === 0 || offsets.length !== count || at !== record.length) {
    throw new StoreCorruptError('a record of events does not hold those it counts; run a check and restore a backup')
  }
  return offsets
}

function holds(record: Uint8Array, offsets: readonly number[], id: Uint8Array): boolean {
  const low = readUint32(id, 0)
  const high = readUint32(id, 4)
  return offsets.some((at) => readUint32(record, at) === low && readUint32(record, at + 4) === high)
}
