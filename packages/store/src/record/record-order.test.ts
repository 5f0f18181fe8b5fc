import { describe, expect, it } from 'vitest'
import { appendToEvents, eventId } from './event-record.ts'
import { addressSeed, recordVersion, sealRecord } from './record.ts'
import { inPlaceOf, isNewer, sameContent } from './record-order.ts'
import { appendToRing } from './ring.ts'
import { encodeState } from './state-record.ts'

const addresses = {
  ring: { table: 'ring', tenant: 't', key: 'u', model: 'm' },
  events: { table: 'events', tenant: 't', key: 'u' },
  user: { table: 'user', tenant: 't', key: 'u' },
  item: { table: 'item', tenant: 't', key: 'u' },
} as const
const seeds = { ring: addressSeed('t', 'u', 'm'), events: addressSeed('t', 'u'), user: addressSeed('t', 'u') }

/** A ring of slots of (snapshot, feature time), of version 5. */
function ring(...slots: readonly (readonly [snapshot: number, timeMs: number])[]): Uint8Array {
  let record: Uint8Array | undefined
  for (const [snapshot, featureTimeMs] of slots) {
    const tag = { snapshot, frame: 0, featureTimeMs, writtenMs: 9 }
    const policy = { slots: 3, count: 1, slot: 'snapshot' } as const
    record = appendToRing(record, seeds.ring, tag, Float32Array.of(1, 2), 0, 2, policy) as Uint8Array
  }
  return withVersion(record!, 'ring', 5)
}

function events(version: number, ...timesMs: number[]): Uint8Array {
  const entries = timesMs.map((timeMs) => ({ id: eventId(`e${timeMs}`), timeMs, payload: Uint8Array.of(1) }))
  return withVersion(appendToEvents(undefined, entries, 9, seeds.events).record!, 'events', version)
}

function withVersion(record: Uint8Array, table: 'ring' | 'events', version: number): Uint8Array {
  sealRecord(record, table, version, seeds[table])
  return record
}

describe('which of two records is newer', () => {
  it('rings by their slots, from the newest on, and by their number', () => {
    const ascending = [
      ring([1, 10]),
      ring([1, 20]),
      ring([1, 20], [2, 25]),
      ring([1, 22], [2, 25]),
      ring([3, 25]),
      ring([3, 26]),
      ring([1, 1], [3, 26]),
      ring([2, 27]),
    ]
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) expect(isNewer(addresses.ring, a, b), `${i} and ${j}`).toBe(i > j)
    }
  })

  it('events by their latest, whatever the versions; states by version alone, within one line', () => {
    expect(isNewer(addresses.events, events(1, 10, 30, 20), events(900, 25))).toBe(true)
    expect(isNewer(addresses.events, events(900, 25), events(1, 10, 30, 20))).toBe(false)
    expect(isNewer(addresses.events, events(8, 10, 30), events(7, 30))).toBe(true)
    const state = (version: number) => encodeState('user', Uint8Array.of(version & 0xff), version, seeds.user)
    expect(isNewer(addresses.user, state(8), state(7))).toBe(true)
    expect(isNewer(addresses.user, state(7), state(8))).toBe(false)
    // Past the largest version; and two of unrelated lines.
    expect(isNewer(addresses.user, state(3), state(0xffffffff))).toBe(true)
    expect(isNewer(addresses.user, state(0xffffffff), state(3))).toBe(false)
    for (const [a, b] of [
      [1, 2 ** 31],
      [2 ** 31, 1],
    ]) {
      expect(isNewer(addresses.item, state(a), state(b))).toBe(false)
    }
  })

  it('the same content is told from another, but for its version', () => {
    const a = encodeState('user', Uint8Array.of(1, 2), 4, seeds.user)
    expect(sameContent(a, encodeState('user', Uint8Array.of(1, 2), 900, seeds.user))).toBe(true)
    expect(sameContent(a, encodeState('item', Uint8Array.of(1, 2), 4, seeds.user))).toBe(false)
    expect(sameContent(a, encodeState('user', Uint8Array.of(1, 3), 4, seeds.user))).toBe(false)
    expect(sameContent(a, encodeState('user', Uint8Array.of(1, 2, 0), 4, seeds.user))).toBe(false)
  })

  it('takes the place of what is held under a version that nobody has read', () => {
    const held = encodeState('user', Uint8Array.of(1), 40, seeds.user)
    expect(recordVersion(inPlaceOf(addresses.user, encodeState('user', Uint8Array.of(2), 43, seeds.user), held))).toBe(
      43,
    )
    for (const version of [40, 39, 2 ** 31]) {
      const record = inPlaceOf(addresses.user, encodeState('user', Uint8Array.of(2), version, seeds.user), held)
      expect(record).toEqual(encodeState('user', Uint8Array.of(2), 41, seeds.user))
    }
  })
})
