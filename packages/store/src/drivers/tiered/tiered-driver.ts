import type { Table } from '../../record/record.ts'
import { type Driver, type RecordRemoval, type VisitRing, writeOutcome } from '../driver.ts'
import { eventsPart, type OwnerKind, ownerOf, Slab, statePart } from '../slab/slab.ts'
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

export interface TieredDriver extends Driver {
  /** Records asked for that the tier had, or knew to be missing; and those that it had not. */
  hits: number
  misses: number
}

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
 *
 * @throws StoreWriteError where the capacity is too small to work with
 */
export function tieredDriver(base: Driver, options: TierOptions): TieredDriver {
  const { maxAgeMs, clock = () => performance.now() } = options
  const openedMs = clock()
  const flights = new Flights()
  let slab = new Slab(options)

  /** Visits keys × parts: from the tier, from reads that are under way, or else by one read of the base. */
  async function read(
    tenant: string,
    kind: OwnerKind,
    keys: readonly string[],
    parts: readonly number[],
    visit: VisitRing,
    fetch: (keys: readonly number[], parts: readonly number[], arrived: VisitRing) => Promise<void>,
  ): Promise<void> {
    const space = slab.makeSpace(tenant, kind)
    const stamp = stampNow()
    const now = Math.ceil((clock() - openedMs) / tickMs)
    /** Places in the request, key · parts + part. */
    const missed: number[] = []
    const found = slab.findAndTouch(space, keys)
    for (let k = 0; k < keys.length; k++) {
      const location = found[k]
      for (let p = 0; p < parts.length; p++) {
        if (location === 0 || !slab.select(location, parts[p]) || !isFresh(now)) missed.push(k * parts.length + p)
        else visit(k, p, slab.length === 0 ? undefined : slab.bytes.subarray(slab.at, slab.at + slab.length))
      }
    }
    tier.hits += keys.length * parts.length - missed.length
    tier.misses += missed.length
    if (missed.length === 0) return

    const own = new Map<number, { readonly owner: string; readonly flight: Flight }>()
    const joined: { readonly place: number; readonly flight: Flight }[] = []
    const missedKeys = new Set<number>()
    const missedParts = new Set<number>()
    const arrived: VisitRing = (k, p, record) => {
      const started = own.get(k * parts.length + p)
      if (started === undefined) return
      const { owner, flight } = started
      flights.settle(owner, parts[p], flight)
      if (flight.joined) flight.record = record?.slice() ?? record
      if (flight.mayKeep && record !== null) keep(space, keys[k], parts[p], record ?? nothing, stamp)
      visit(k, p, record)
    }
    const fetchMissed = async () => {
      if (own.size > 0) await fetch([...missedKeys], [...missedParts], arrived)
    }
    let begin!: () => void
    const done = new Promise<void>((resolve) => {
      begin = () => resolve(fetchMissed())
    })
    for (const place of missed) {
      const k = Math.floor(place / parts.length)
      const p = place % parts.length
      const owner = ownerName(tenant, kind, keys[k])
      const flight = flights.join(owner, parts[p])
      if (flight !== undefined) {
        joined.push({ place, flight })
        continue
      }
      own.set(place, { owner, flight: flights.start(owner, parts[p], done) })
      missedKeys.add(k)
      missedParts.add(p)
    }
    begin()
    try {
      await done
    } finally {
      for (const [place, { owner, flight }] of own) flights.settle(owner, parts[place % parts.length], flight)
    }
    for (const { place, flight } of joined) {
      await flight.done
      visit(Math.floor(place / parts.length), place % parts.length, flight.record)
    }
  }

  /** What a write leaves in the tier: the record, where it held the owner before, or, for null, nothing. */
  function settle(
    tenant: string,
    { table, key, model }: Pick<RecordRemoval, 'table' | 'key' | 'model'>,
    record: Uint8Array | null,
    stamp: number,
  ): void {
    const space = slab.spaceOf(tenant, ownerOf(table))
    const part = model === undefined ? partOf(table) : slab.makePartOfModel(model)
    const location = slab.find(space, key)
    if (location === 0) return
    if (record !== null) keep(space, key, part, record, stamp)
    else if (slab.removePart(location, part)) slab.maintain()
  }

  function keep(space: number, key: string, part: number, record: Uint8Array, stamp: number): void {
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
  function isFresh(now: number): boolean {
    const ageMs = (now - slab.stamp) * tickMs
    return ageMs <= Math.min(maxAgeMs ?? Infinity, slab.length === 0 ? maxNegativeAgeMs : Infinity)
  }

  /** Rounded down, as ages are rounded up. */
  function stampNow(): number {
    return Math.floor((clock() - openedMs) / tickMs)
  }

  const tier: TieredDriver = {
    atomicity: base.atomicity,
    hits: 0,
    misses: 0,

    async readRings(tenant, users, models, visit, mayMiss) {
      if (mayMiss !== true && maxAgeMs !== undefined) return base.readRings(tenant, users, models, visit)
      const parts = models.map((model) => slab.makePartOfModel(model))
      await read(tenant, 'user', users, parts, visit, (fromUsers, fromModels, arrived) =>
        base.readRings(
          tenant,
          fromUsers.map((u) => users[u]),
          fromModels.map((m) => models[m]),
          (u, m, record) => arrived(fromUsers[u], fromModels[m], record),
          mayMiss,
        ),
      )
    },

    async readRecords(tenant, table, keys, visit, mayMiss) {
      if (table === 'tombstone' || mayMiss !== undefined) return base.readRecords(tenant, table, keys, visit, mayMiss)
      const found: VisitRing = (i, _, record) => visit(i, record ?? undefined)
      await read(tenant, ownerOf(table), keys, [partOf(table)], found, (from, _, arrived) => {
        const missed = from.map((i) => keys[i])
        return base.readRecords(tenant, table, missed, (i, record) => arrived(from[i], 0, record))
      })
    },

    async write(tenant, groups) {
      const owners = new Set(groups.flat().map(({ table, key }) => ownerName(tenant, ownerOf(table), key)))
      const stamp = stampNow()
      for (const owner of owners) flights.beginWrite(owner)
      let outcomes: Uint8Array | null = null
      try {
        outcomes = await base.write(tenant, groups)
        return outcomes
      } finally {
        const alone = new Set([...owners].filter((owner) => flights.endWrite(owner)))
        for (const [g, group] of groups.entries()) {
          for (const write of group) {
            const { table, key, record } = write
            const kept = outcomes?.[g] === writeOutcome.written && alone.has(ownerName(tenant, ownerOf(table), key))
            settle(tenant, write, kept ? record : null, stamp)
          }
        }
      }
    },

    async forget(tenant, user, digest, tombstone) {
      const owner = ownerName(tenant, 'user', user)
      flights.beginWrite(owner)
      try {
        return await base.forget(tenant, user, digest, tombstone)
      } finally {
        // Also where it failed: it is not known what the base has now.
        flights.endWrite(owner)
        const location = slab.find(slab.spaceOf(tenant, 'user'), user)
        if (location !== 0) slab.remove(location)
      }
    },

    async remove(tenant, removals) {
      const held = removals.filter(({ table }) => table !== 'tombstone')
      const owners = new Set(held.map(({ table, key }) => ownerName(tenant, ownerOf(table), key)))
      for (const owner of owners) flights.beginWrite(owner)
      try {
        return await base.remove(tenant, removals)
      } finally {
        for (const owner of owners) flights.endWrite(owner)
        for (const removal of held) settle(tenant, removal, null, 0)
      }
    },

    keys: (...call) => base.keys(...call),
    scan: (...call) => base.scan(...call),
    records: () => base.records(),
    // The base's: the tier holds copies, and has a bound.
    sizeBytes: () => base.sizeBytes(),
    flushed: (...of) => base.flushed(...of),
    partOf: (tenant, key) => base.partOf?.(tenant, key) ?? '',
    checkWritable: () => base.checkWritable(),

    close() {
      slab = new Slab(options)
      return base.close()
    },
  }
  return tier
}

function ownerName(tenant: string, kind: OwnerKind, key: string): string {
  return `${kind}\0${tenant}\0${key}`
}

function partOf(table: Table): number {
  return table === 'events' ? eventsPart : statePart
}
