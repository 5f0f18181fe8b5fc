import { recordVersion, type Table } from '../../record/record.ts'
import type { StateKind } from '../../record/state-record.ts'
import { digestOf, tombstoneTimeMs } from '../../record/tombstone.ts'
import { RequestError } from '../../validation/errors.ts'
import {
  type Cursor,
  type Driver,
  type KeyedTable,
  type RecordRemoval,
  type RecordWrite,
  type RemovedUser,
  type StoredRecord,
  type VisitRecord,
  type VisitRing,
  type VisitScanned,
  writeOutcome,
} from '../driver.ts'
import { eventsPart, type OwnerKind, Slab, type SlabOptions, statePart } from '../slab/slab.ts'

const done = Promise.resolve()

/** Owners looked at before others may run. */
const sliceOwners = 1_000

/**
 * Records in a slab of typed arrays: nothing is durable. With a capacity, users and items are evicted, each with all that is
 * held of it, those first that were not read lately; to writers it looks as if there had been none. Tombstones stay.
 */
export class MemoryDriver implements Driver {
  readonly atomicity = 'store'
  readonly #options: SlabOptions
  #slab: Slab
  /** False while no user was ever forgotten, which spares writes the digest. */
  #hasTombstones = false

  /** @throws StoreWriteError where the capacity is too small to work with */
  constructor(options: SlabOptions = {}) {
    this.#options = options
    this.#slab = new Slab(options)
  }

  /** Not `async`: one more promise is a measurable part of the cost of a single read. */
  readRings(tenant: string, users: readonly string[], models: readonly string[], visit: VisitRing): Promise<void> {
    const slab = this.#slab
    const space = slab.spaceOf(tenant, 'user')
    const parts = models.map((model) => slab.partOfModel(model))
    const found = slab.findAndTouch(space, users)
    for (let u = 0; u < users.length; u++) {
      for (let m = 0; m < parts.length; m++) {
        visit(u, m, found[u] !== 0 && slab.select(found[u], parts[m]) ? selected(slab) : undefined)
      }
    }
    return done
  }

  async readRecords(tenant: string, table: KeyedTable, keys: readonly string[], visit: VisitRecord): Promise<void> {
    const slab = this.#slab
    const part = this.#partOf(table)
    const found = slab.findAndTouch(slab.spaceOf(tenant, ownerOf(table)), keys)
    for (let i = 0; i < keys.length; i++) {
      visit(i, found[i] !== 0 && slab.select(found[i], part) ? selected(slab) : undefined)
    }
  }

  async write(tenant: string, groups: readonly (readonly RecordWrite[])[]): Promise<Uint8Array> {
    return Uint8Array.from(groups, (group) => {
      const outcome = this.#writeGroup(tenant, group)
      if (outcome === writeOutcome.written) this.#slab.maintain()
      return outcome
    })
  }

  async forget(tenant: string, user: string, digest: string, tombstone: Uint8Array): Promise<RemovedUser> {
    const slab = this.#slab
    const removed = { rings: 0, states: 0, events: 0 }
    const location = slab.find(slab.spaceOf(tenant, 'user'), user)
    if (location !== 0) {
      removed.states = Number(slab.select(location, statePart))
      removed.events = Number(slab.select(location, eventsPart))
      removed.rings = slab.partsOf(location) - removed.states - removed.events
    }
    // First what may fail, so that it is all or nothing.
    if (!(tombstoneTimeMs(this.#held(tenant, 'tombstone', digest)) > tombstoneTimeMs(tombstone))) {
      slab.put(slab.makeSpace(tenant, 'tombstone'), digest, statePart, tombstone)
      this.#hasTombstones = true
    }
    if (location !== 0) slab.remove(location)
    slab.maintain()
    return removed
  }

  async remove(tenant: string, removals: readonly RecordRemoval[]): Promise<Uint8Array> {
    const slab = this.#slab
    return Uint8Array.from(removals, ({ table, key, model, expected }) => {
      const location = slab.find(slab.spaceOf(tenant, ownerOf(table)), key)
      const part = this.#partOf(table, model)
      if (location === 0 || !slab.select(location, part) || recordVersion(selected(slab)) !== expected) return 0
      slab.removePart(location, part)
      slab.maintain()
      return 1
    })
  }

  async *keys(tenant: string, kind: StateKind): AsyncIterable<string> {
    const keys: Buffer[] = []
    const space = this.#slab.spaceOf(tenant, kind)
    for (let from: number | null = 0; from !== null; ) {
      from = this.#slab.visitFrom(space, from, sliceOwners, (key, part) => {
        if (part === statePart) keys.push(Buffer.from(key))
      })
    }
    // The order of UTF-16 units, which strings compare by, is another.
    for (const key of keys.sort(Buffer.compare)) yield key.toString()
  }

  async scan(tenant: string, table: Table, cursor: Cursor, maxRecords: number, visit: VisitScanned): Promise<Cursor> {
    const slab = this.#slab
    const space = slab.spaceOf(tenant, ownerOf(table))
    const wanted = this.#partOf(table)
    const next = slab.visitFrom(space, Number(cursor ?? 0), maxRecords, (key, part, record) => {
      if (table === 'ring') {
        if (part > eventsPart) visit(key, slab.modelOf(part), record)
      } else if (part === wanted) visit(key, undefined, record)
    })
    return next === null ? null : String(next)
  }

  async *records(): AsyncIterable<StoredRecord> {
    for (let from: number | null = 0; from !== null; ) {
      const slice: StoredRecord[] = []
      from = this.#slab.visitFrom(null, from, sliceOwners, (key, part, record, space) => {
        const { tenant, kind } = this.#slab.ownersOf(space)
        // What comes between two steps may overwrite the slab's bytes.
        const copy = { tenant, key, record: record.slice() }
        if (part > eventsPart) slice.push({ table: 'ring', model: this.#slab.modelOf(part), ...copy })
        else slice.push({ table: part === eventsPart ? 'events' : kind, ...copy })
      })
      yield* slice
    }
  }

  sizeBytes(): number {
    return this.#slab.sizeBytes
  }

  async flushed(): Promise<void> {}

  async close(): Promise<void> {
    this.#slab = new Slab(this.#options)
  }

  #writeGroup(tenant: string, group: readonly RecordWrite[]): number {
    const slab = this.#slab
    let outcome = this.#outcomeOf(tenant, group)
    if (outcome !== writeOutcome.written) return outcome
    // Making room may evict those that the group is about.
    if (slab.makeRoom(this.#bytesFor(tenant, group))) outcome = this.#outcomeOf(tenant, group)
    if (outcome !== writeOutcome.written) return outcome
    for (const { table, key, model, record } of group) {
      const part = model === undefined ? this.#partOf(table) : slab.makePartOfModel(model)
      slab.put(slab.makeSpace(tenant, ownerOf(table)), key, part, record)
    }
    return outcome
  }

  /** What would become of a group. @throws RequestError */
  #outcomeOf(tenant: string, group: readonly RecordWrite[]): number {
    const slab = this.#slab
    for (const { key, featureTimeMs } of group) {
      if (featureTimeMs === undefined || !this.#hasTombstones) continue
      const tombstone = this.#held(tenant, 'tombstone', digestOf(tenant, key))
      if (tombstoneTimeMs(tombstone) >= featureTimeMs) return writeOutcome.forgotten
    }
    for (const { table, key, model, expected, record } of group) {
      const location = slab.find(slab.spaceOf(tenant, ownerOf(table)), key)
      const held = location !== 0 && slab.select(location, this.#partOf(table, model))
      if ((held ? recordVersion(selected(slab)) : 0) !== expected) return writeOutcome.moved
      if (!slab.fits(location, record.length)) {
        throw new RequestError(
          `a ${table} record of ${record.length} bytes, beside what its owner has, is over a sixteenth of the store's ` +
            'capacity; give it more capacity',
        )
      }
    }
    return writeOutcome.written
  }

  #bytesFor(tenant: string, group: readonly RecordWrite[]): number {
    const slab = this.#slab
    let sizeBytes = 0
    for (const { table, key, record } of group) {
      sizeBytes += slab.bytesFor(slab.find(slab.spaceOf(tenant, ownerOf(table)), key), record.length)
    }
    return sizeBytes
  }

  #partOf(table: Table, model?: string): number {
    if (model !== undefined) return this.#slab.partOfModel(model)
    return table === 'events' ? eventsPart : statePart
  }

  #held(tenant: string, kind: OwnerKind, key: string): Uint8Array | undefined {
    const location = this.#slab.find(this.#slab.spaceOf(tenant, kind), key)
    return location !== 0 && this.#slab.select(location, statePart) ? selected(this.#slab) : undefined
  }
}

function ownerOf(table: Table): OwnerKind {
  return table === 'item' || table === 'tombstone' ? table : 'user'
}

function selected({ bytes, at, length }: Slab): Uint8Array {
  return bytes.subarray(at, at + length)
}
