/**
 * Which of two records of one address is the newer, where they come from different stores. A ring is ordered by its slots'
 * (snapshot, feature time), events by the time of the latest; a state says nothing of its age, so that only its version
 * can tell.
 */
import { decodeEvents } from './event-record.ts'
import { addressSeed, nextVersion, type RecordAddress, recordVersion, sealRecord } from './record.ts'
import { checkedTags } from './ring.ts'

/**
 * Versions begin at random and go up by one a write. So a version that is this little ahead is a later one of the same
 * line, but for one chance in 4,096; from other differences nothing follows.
 */
const lineReach = 2 ** 20

/** Whether two records of one address hold the same, whatever their versions, and whichever of the formats that are read. */
export function sameContent(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  // Byte 0 is the format, bytes 4 … 11 are the checksum and the version.
  return (
    Buffer.compare(a.subarray(1, 4), b.subarray(1, 4)) === 0 && Buffer.compare(a.subarray(12), b.subarray(12)) === 0
  )
}

/** Whether `record` is to take the place of `held`, which holds something else. Both are sound. */
export function isNewer(address: RecordAddress, record: Uint8Array, held: Uint8Array): boolean {
  if (address.table === 'ring') return compareRings(seedOf(address), record, held) > 0
  if (address.table === 'events') {
    const order = compareEvents(seedOf(address), record, held)
    if (order !== 0) return order > 0
  }
  return isAhead(record, held)
}

/** The record with a version that those who have read `held` do not take for its own. */
export function inPlaceOf(address: RecordAddress, record: Uint8Array, held: Uint8Array): Uint8Array {
  if (isAhead(record, held)) return record
  const next = new Uint8Array(record)
  sealRecord(next, address.table, nextVersion(recordVersion(held)), seedOf(address))
  return next
}

function seedOf({ tenant, key, model }: RecordAddress): number {
  return addressSeed(tenant, key, model)
}

function isAhead(record: Uint8Array, held: Uint8Array): boolean {
  const ahead = (recordVersion(record) - recordVersion(held)) >>> 0
  return ahead >= 1 && ahead <= lineReach
}

/**
 * The first slot that differs decides, from the newest on; of two where none does, the longer. Later features come before a
 * later snapshot: as in a ring, that one was taken back then.
 */
function compareRings(seed: number, a: Uint8Array, b: Uint8Array): number {
  const [slots, others] = [checkedTags(a, seed), checkedTags(b, seed)]
  for (let s = 0; s < Math.min(slots.length, others.length); s++) {
    const order =
      slots[s].featureTimeMs - others[s].featureTimeMs ||
      slots[s].snapshot - others[s].snapshot ||
      slots[s].writtenMs - others[s].writtenMs
    if (order !== 0) return order
  }
  return slots.length - others.length
}

function compareEvents(seed: number, a: Uint8Array, b: Uint8Array): number {
  const latest = (record: Uint8Array) =>
    decodeEvents(record, seed).reduce((time, { timeMs }) => Math.max(time, timeMs), 0)
  return latest(a) - latest(b)
}
