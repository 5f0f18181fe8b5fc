import { recordVersion, type Table } from '../../record/record.ts'
import { digestOf, tombstoneTimeMs } from '../../record/tombstone.ts'
import { RequestError } from '../../validation/errors.ts'
import { type Driver, type RecordWrite, type StoredRecord, writeOutcome } from '../driver.ts'
import { eventsPart, ownerOf, Slab, type SlabOptions, statePart } from '../slab/slab.ts'

const done = Promise.resolve()

/** Owners looked at before others may run. */
const sliceOwners = 1_000

/**
 * Records in a slab of typed arrays: nothing is durable. With a capacity, users and items are evicted, each with all that is
 * held of it, those first that were not read lately; to writers it looks as if there had been none. Tombstones stay.
 *
 * @throws StoreWriteError where the capacity is too small to work with
 */
export function memoryDriver(options: SlabOptions = {}): Driver {
  let slab = new Slab(options)
  /** False while no user was ever forgotten, which spares writes the digest. */
  let hasTombstones = false

  /** The record that the slab points at. */
  const selected = () => slab.bytes.subarray(slab.at, slab.at + slab.length)

  function partOf(table: Table, model?: string): number {
    if (model !== undefined) return slab.partOfModel(model)
    return table === 'events' ? eventsPart : statePart
  }

  function tombstoneTime(tenant: string, digest: string): number {
    const location = slab.find(slab.spaceOf(tenant, 'tombstone'), digest)
    return tombstoneTimeMs(location !== 0 && slab.select(location, statePart) ? selected() : undefined)
  }

  /** What would become of a group. @throws RequestError */
  function outcomeOf(tenant: string, group: readonly RecordWrite[]): number {
    for (const { key, featureTimeMs } of group) {
      if (featureTimeMs === undefined || !hasTombstones) continue
      if (tombstoneTime(tenant, digestOf(tenant, key)) >= featureTimeMs) return writeOutcome.forgotten
    }
    for (const { table, key, model, expected, record } of group) {
      const location = slab.find(slab.spaceOf(tenant, ownerOf(table)), key)
      const held = location !== 0 && slab.select(location, partOf(table, model))
      if ((held ? recordVersion(selected()) : 0) !== expected) return writeOutcome.moved
      if (!slab.fits(location, record.length)) {
        throw new RequestError(
          `a ${table} record of ${record.length} bytes, beside what its owner has, is over a sixteenth of the store's ` +
            'capacity; give it more capacity',
        )
      }
    }
    return writeOutcome.written
  }

  function bytesFor(tenant: string, group: readonly RecordWrite[]): number {
    let sizeBytes = 0
    for (const { table, key, record } of group) {
      sizeBytes += slab.bytesFor(slab.find(slab.spaceOf(tenant, ownerOf(table)), key), record.length)
    }
    return sizeBytes
  }

  return {
    atomicity: 'store',

    // Not `async`: one more promise is a measurable part of the cost of a single read.
    readRings(tenant, users, models, visit) {
      const parts = models.map((model) => slab.partOfModel(model))
      const found = slab.findAndTouch(slab.spaceOf(tenant, 'user'), users)
      for (let u = 0; u < users.length; u++) {
        for (let m = 0; m < parts.length; m++) {
          visit(u, m, found[u] !== 0 && slab.select(found[u], parts[m]) ? selected() : undefined)
        }
      }
      return done
    },

    async readRecords(tenant, table, keys, visit) {
      const part = partOf(table)
      const found = slab.findAndTouch(slab.spaceOf(tenant, ownerOf(table)), keys)
      for (let i = 0; i < keys.length; i++) {
        visit(i, found[i] !== 0 && slab.select(found[i], part) ? selected() : undefined)
      }
    },

    async write(tenant, groups) {
      return Uint8Array.from(groups, (group) => {
        let outcome = outcomeOf(tenant, group)
        if (outcome !== writeOutcome.written) return outcome
        // Making room may evict those that the group is about.
        if (slab.makeRoom(bytesFor(tenant, group))) outcome = outcomeOf(tenant, group)
        if (outcome !== writeOutcome.written) return outcome
        for (const { table, key, model, record } of group) {
          const part = model === undefined ? partOf(table) : slab.makePartOfModel(model)
          slab.put(slab.makeSpace(tenant, ownerOf(table)), key, part, record)
        }
        slab.maintain()
        return outcome
      })
    },

    async forget(tenant, user, digest, tombstone) {
      const removed = { rings: 0, states: 0, events: 0 }
      const location = slab.find(slab.spaceOf(tenant, 'user'), user)
      if (location !== 0) {
        removed.states = Number(slab.select(location, statePart))
        removed.events = Number(slab.select(location, eventsPart))
        removed.rings = slab.partsOf(location) - removed.states - removed.events
      }
      // First what may fail, so that it is all or nothing.
      if (!(tombstoneTime(tenant, digest) > tombstoneTimeMs(tombstone))) {
        slab.put(slab.makeSpace(tenant, 'tombstone'), digest, statePart, tombstone)
        hasTombstones = true
      }
      if (location !== 0) slab.remove(location)
      slab.maintain()
      return removed
    },

    async remove(tenant, removals) {
      return Uint8Array.from(removals, ({ table, key, model, expected }) => {
        const location = slab.find(slab.spaceOf(tenant, ownerOf(table)), key)
        const part = partOf(table, model)
        if (location === 0 || !slab.select(location, part) || recordVersion(selected()) !== expected) return 0
        slab.removePart(location, part)
        slab.maintain()
        return 1
      })
    },

    async *keys(tenant, kind) {
      const keys: Buffer[] = []
      const space = slab.spaceOf(tenant, kind)
      for (let from: number | null = 0; from !== null; ) {
        from = slab.visitFrom(space, from, sliceOwners, (key, part) => {
          if (part === statePart) keys.push(Buffer.from(key))
        })
      }
      // The order of UTF-16 units, which strings compare by, is another.
      for (const key of keys.sort(Buffer.compare)) yield key.toString()
    },

    async scan(tenant, table, cursor, maxRecords, visit) {
      const space = slab.spaceOf(tenant, ownerOf(table))
      const wanted = partOf(table)
      const next = slab.visitFrom(space, Number(cursor ?? 0), maxRecords, (key, part, record) => {
        if (table === 'ring') {
          if (part > eventsPart) visit(key, slab.modelOf(part), record)
        } else if (part === wanted) visit(key, undefined, record)
      })
      return next === null ? null : String(next)
    },

    async *records() {
      for (let from: number | null = 0; from !== null; ) {
        const slice: StoredRecord[] = []
        from = slab.visitFrom(null, from, sliceOwners, (key, part, record, space) => {
          const { tenant, kind } = slab.ownersOf(space)
          // What comes between two steps may overwrite the slab's bytes.
          const copy = { tenant, key, record: record.slice() }
          if (part > eventsPart) slice.push({ table: 'ring', model: slab.modelOf(part), ...copy })
          else slice.push({ table: part === eventsPart ? 'events' : kind, ...copy })
        })
        yield* slice
      }
    },

    sizeBytes: () => slab.sizeBytes,
    flushed: () => done,
    checkWritable: () => done,
    async close() {
      slab = new Slab(options)
    },
  }
}
