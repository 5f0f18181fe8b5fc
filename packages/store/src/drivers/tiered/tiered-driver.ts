import type { Table } from '../../record/record.ts'
import type { StateKind } from '../../record/state-record.ts'
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
import { eventsPart, type OwnerKind, Slab, statePart } from '../slab/slab.ts'
import { type Flight, Flights } from './flights.ts'

export interface TierOptions {
  /** Of the slab in memory. */
  readonly capacityBytes: number
  /**
   * What was read longer ago is read again: for a base that other processes write to as well. Milliseconds, 0 or more;
   * absent: there are none, and nothing grows old.
   */
  readonly maxAgeMs?: number
  /** Milliseconds that never go back. For tests. */
  readonly clock?: () => number
}

/** That there is no record is kept for this long at most: such entries help only where a key is asked for again and again. */
const maxNegativeAgeMs = 5_000
/** Stamps count these, in 32 bits: 13 years. */
const tickMs = 100
const nothing = new Uint8Array()

/**
 * A slab in front of another driver. Reads of what it holds never reach the base; concurrent reads of the same record reach it
 * once. That the base has no such record is kept too, as a record of no bytes, which no true record is.
 *
 * Write-through: the base decides, and once it has acknowledged, the tier holds what was written if it held the owner
 * before. A write that the base refused, or of which it is not known what became, removes the record from the tier. What a read
 * brings is kept only if no write to its owner was under way meanwhile, in this process; so an older record never replaces a newer
 * one, and a read that began before a forget does not bring the user back. What other processes write is seen
 * `maxAgeMs` later at most; their writes in between show as versions that have moved on.
 *
 * Tombstones, slices and iterations go to the base. So do, where others write too, reads of rings that must be the newest.
 */
export class TieredDriver implements Driver {
  readonly atomicity: 'store' | 'key'
  /** Records asked for that the tier had, or knew to be missing; and those that it had not. */
  hits = 0
  misses = 0
  readonly #base: Driver
  readonly #options: TierOptions
  readonly #clock: () => number
  readonly #openedMs: number
  readonly #flights = new Flights()
  #slab: Slab

  /** @throws StoreWriteError where the capacity is too small to work with */
  constructor(base: Driver, options: TierOptions) {
    this.#base = base
    this.atomicity = base.atomicity
    this.#options = options
    this.#clock = options.clock ?? (() => performance.now())
    this.#openedMs = this.#clock()
    this.#slab = new Slab(options)
  }

  async readRings(
    tenant: string,
    users: readonly string[],
    models: readonly string[],
    visit: VisitRing,
    mayMiss?: boolean,
  ): Promise<void> {
    if (mayMiss !== true && this.#options.maxAgeMs !== undefined) {
      return this.#base.readRings(tenant, users, models, visit)
    }
    const parts = models.map((model) => this.#slab.makePartOfModel(model))
    const fetch = (fromUsers: readonly number[], fromModels: readonly number[], arrived: VisitRing) =>
      this.#base.readRings(
        tenant,
        fromUsers.map((u) => users[u]),
        fromModels.map((m) => models[m]),
        (u, m, record) => arrived(fromUsers[u], fromModels[m], record),
        mayMiss,
      )
    await this.#read(tenant, 'user', users, parts, visit, fetch)
  }

  async readRecords(tenant: string, table: KeyedTable, keys: readonly string[], visit: VisitRecord): Promise<void> {
    if (table === 'tombstone') return this.#base.readRecords(tenant, table, keys, visit)
    const fetch = (from: readonly number[], _: readonly number[], arrived: VisitRing) => {
      const missed = from.map((i) => keys[i])
      return this.#base.readRecords(tenant, table, missed, (i, record) => arrived(from[i], 0, record))
    }
    const found: VisitRing = (i, _, record) => visit(i, record ?? undefined)
    await this.#read(tenant, ownerOf(table), keys, [partOf(table)], found, fetch)
  }

  async write(tenant: string, groups: readonly (readonly RecordWrite[])[]): Promise<Uint8Array> {
    const owners = new Set<string>()
    for (const group of groups) for (const { table, key } of group) owners.add(ownerName(tenant, ownerOf(table), key))
    const stamp = this.#stamp()
    for (const owner of owners) this.#flights.beginWrite(owner)
    let outcomes: Uint8Array | null = null
    try {
      outcomes = await this.#base.write(tenant, groups)
      return outcomes
    } finally {
      const alone = new Set<string>()
      for (const owner of owners) if (this.#flights.endWrite(owner)) alone.add(owner)
      for (const [g, group] of groups.entries()) {
        for (const { table, key, model, record } of group) {
          const kept = outcomes?.[g] === writeOutcome.written && alone.has(ownerName(tenant, ownerOf(table), key))
          this.#settle(tenant, ownerOf(table), key, this.#partOf(table, model), kept ? record : null, stamp)
        }
      }
    }
  }

  async forget(tenant: string, user: string, digest: string, tombstone: Uint8Array): Promise<RemovedUser> {
    const owner = ownerName(tenant, 'user', user)
    this.#flights.beginWrite(owner)
    try {
      return await this.#base.forget(tenant, user, digest, tombstone)
    } finally {
      // Also where it failed: it is not known what the base has now.
      this.#flights.endWrite(owner)
      const location = this.#slab.find(this.#slab.spaceOf(tenant, 'user'), user)
      if (location !== 0) this.#slab.remove(location)
    }
  }

  async remove(tenant: string, removals: readonly RecordRemoval[]): Promise<Uint8Array> {
    const held = removals.filter(({ table }) => table !== 'tombstone')
    const owners = new Set(held.map(({ table, key }) => ownerName(tenant, ownerOf(table), key)))
    for (const owner of owners) this.#flights.beginWrite(owner)
    try {
      return await this.#base.remove(tenant, removals)
    } finally {
      for (const owner of owners) this.#flights.endWrite(owner)
      for (const { table, key, model } of held) {
        this.#settle(tenant, ownerOf(table), key, this.#partOf(table, model), null, 0)
      }
    }
  }

  keys(tenant: string, kind: StateKind): AsyncIterable<string> {
    return this.#base.keys(tenant, kind)
  }

  scan(tenant: string, table: Table, cursor: Cursor, maxRecords: number, visit: VisitScanned): Promise<Cursor> {
    return this.#base.scan(tenant, table, cursor, maxRecords, visit)
  }

  records(): AsyncIterable<StoredRecord> {
    return this.#base.records()
  }

  /** The base's: the tier holds copies, and has a bound. */
  sizeBytes(): number | null {
    return this.#base.sizeBytes()
  }

  flushed(): Promise<void> {
    return this.#base.flushed()
  }

  close(): Promise<void> {
    this.#slab = new Slab(this.#options)
    return this.#base.close()
  }

  /** Visits keys × parts: from the tier, from reads that are under way, or else by one read of the base. */
  async #read(
    tenant: string,
    kind: OwnerKind,
    keys: readonly string[],
    parts: readonly number[],
    visit: VisitRing,
    fetch: (keys: readonly number[], parts: readonly number[], arrived: VisitRing) => Promise<void>,
  ): Promise<void> {
    const slab = this.#slab
    const space = slab.makeSpace(tenant, kind)
    const stamp = this.#stamp()
    const now = Math.ceil((this.#clock() - this.#openedMs) / tickMs)
    /** Places in the request, key · parts + part. */
    const missed: number[] = []
    const found = slab.findAndTouch(space, keys)
    for (let k = 0; k < keys.length; k++) {
      const location = found[k]
      for (let p = 0; p < parts.length; p++) {
        if (location === 0 || !slab.select(location, parts[p]) || !this.#isFresh(now)) missed.push(k * parts.length + p)
        else visit(k, p, slab.length === 0 ? undefined : slab.bytes.subarray(slab.at, slab.at + slab.length))
      }
    }
    this.hits += keys.length * parts.length - missed.length
    this.misses += missed.length
    if (missed.length === 0) return

    const own = new Map<number, { readonly owner: string; readonly flight: Flight }>()
    const joined: { readonly place: number; readonly flight: Flight }[] = []
    const missedKeys = new Set<number>()
    const missedParts = new Set<number>()
    const arrived: VisitRing = (k, p, record) => {
      const started = own.get(k * parts.length + p)
      if (started === undefined) return
      const { owner, flight } = started
      this.#flights.settle(owner, parts[p], flight)
      if (flight.joined) flight.record = record?.slice() ?? record
      if (flight.mayKeep && record !== null) this.#keep(space, keys[k], parts[p], record ?? nothing, stamp)
      visit(k, p, record)
    }
    // It begins once all flights are known.
    const done = Promise.resolve().then(() => {
      return own.size === 0 ? undefined : fetch([...missedKeys], [...missedParts], arrived)
    })
    for (const place of missed) {
      const k = Math.floor(place / parts.length)
      const p = place % parts.length
      const owner = ownerName(tenant, kind, keys[k])
      const flight = this.#flights.join(owner, parts[p])
      if (flight !== undefined) {
        joined.push({ place, flight })
        continue
      }
      own.set(place, { owner, flight: this.#flights.start(owner, parts[p], done) })
      missedKeys.add(k)
      missedParts.add(p)
    }
    try {
      await done
    } finally {
      for (const [place, { owner, flight }] of own) this.#flights.settle(owner, parts[place % parts.length], flight)
    }
    for (const { place, flight } of joined) {
      await flight.done
      visit(Math.floor(place / parts.length), place % parts.length, flight.record)
    }
  }

  /** What a write leaves in the tier: the record, where it held the owner before, or, for null, nothing. */
  #settle(tenant: string, kind: OwnerKind, key: string, part: number, record: Uint8Array | null, stamp: number): void {
    const slab = this.#slab
    const space = slab.spaceOf(tenant, kind)
    const location = slab.find(space, key)
    if (location === 0) return
    if (record !== null) this.#keep(space, key, part, record, stamp)
    else if (slab.removePart(location, part)) slab.maintain()
  }

  #keep(space: number, key: string, part: number, record: Uint8Array, stamp: number): void {
    const slab = this.#slab
    const location = slab.find(space, key)
    if (!slab.fits(location, record.length)) {
      // Too large for a tier of this size: it is read from the base each time.
      if (location !== 0) slab.removePart(location, part)
      return
    }
    slab.makeRoom(slab.bytesFor(location, record.length))
    slab.put(space, key, part, record, stamp)
    slab.maintain()
  }

  /** Of the record that the slab points at. */
  #isFresh(now: number): boolean {
    const { maxAgeMs = Infinity } = this.#options
    const ageMs = (now - this.#slab.stamp) * tickMs
    return ageMs <= (this.#slab.length === 0 ? Math.min(maxAgeMs, maxNegativeAgeMs) : maxAgeMs)
  }

  /** Rounded down, as ages are rounded up. */
  #stamp(): number {
    return Math.floor((this.#clock() - this.#openedMs) / tickMs)
  }

  #partOf(table: Table, model?: string): number {
    return model === undefined ? partOf(table) : this.#slab.makePartOfModel(model)
  }
}

function ownerName(tenant: string, kind: OwnerKind, key: string): string {
  return `${kind}\0${tenant}\0${key}`
}

function ownerOf(table: Table): OwnerKind {
  return table === 'item' || table === 'tombstone' ? table : 'user'
}

function partOf(table: Table): number {
  return table === 'events' ? eventsPart : statePart
}
