import type { RecordAddress, Table } from '../record/record.ts'

/** Tables whose records are found by one key: a user's, an item's, or a tombstone's digest. */
export type KeyedTable = Exclude<Table, 'ring'>

/** A record to be set if the one held now has version `expected`; 0 stands for none. */
export interface RecordWrite {
  readonly table: Exclude<Table, 'tombstone'>
  /** User or item. */
  readonly key: string
  /** Rings only. */
  readonly model?: string | undefined
  readonly expected: number
  readonly record: Uint8Array
  /** Of what is a user's: refused where the user was forgotten at this time or later, in the same atomic step. */
  readonly featureTimeMs?: number | undefined
}

/** A record to be removed if it has version `expected` still. */
export interface RecordRemoval {
  readonly table: Table
  /** User, item, or a tombstone's digest. */
  readonly key: string
  /** Rings only. */
  readonly model?: string | undefined
  readonly expected: number
}

/** What became of a group of writes. `moved`: a version was not as expected. `forgotten`: a user's tombstone forbids it. */
export const writeOutcome = { moved: 0, written: 1, forgotten: 2 } as const

/**
 * What holds the records. It knows addresses and versions, and of tombstones the time (`tombstoneTimeMs`); what other
 * records mean is left to the layer above, so that all drivers share one behaviour. Keys have been checked. Records
 * passed to a visitor are valid during its call only; records passed to `write` and `forget` belong to the driver.
 */
export interface Driver {
  /** Whether a group over several keys is written whole (`store`), or all that is atomic lies under one key (`key`). */
  readonly atomicity: 'store' | 'key'
  /**
   * One round trip; `visit` is called once a (user, model) with their places in the request, in any order.
   *
   * @param mayMiss whether null may be passed for a ring that no server gives in time, and a replica may answer, whose
   *   record is some moments old. Without it, what is given is the newest, or it throws StoreUnavailableError.
   */
  readRings(
    tenant: string,
    users: readonly string[],
    models: readonly string[],
    visit: VisitRing,
    mayMiss?: boolean,
  ): Promise<void>
  /**
   * One round trip; `visit` is called once a key with its place in the request.
   *
   * @param mayMiss a record that nobody gives in time is not visited. `old`: any server may give it, and little time is lost
   *   on one that is silent. Without it, what is given is the newest, or it throws StoreUnavailableError.
   */
  readRecords(
    tenant: string,
    table: KeyedTable,
    keys: readonly string[],
    visit: VisitRecord,
    mayMiss?: MayMiss,
  ): Promise<void>
  /**
   * Writes each group whole or not at all, in order. Tombstones are looked at first, then versions, in one atomic step
   * with the writing. A driver whose atomicity is `key` is given groups of one key only.
   *
   * @returns a `writeOutcome` for each group
   */
  write(tenant: string, groups: readonly (readonly RecordWrite[])[]): Promise<Uint8Array>
  /**
   * Reads rings of one model and writes what `update` makes of each, with nothing in between: for drivers of which that is
   * true, who so find each record once and compare no versions.
   *
   * @param featureTimeMs [users], as in a `RecordWrite`
   * @param update gives the new record, or null where what is held is to stay
   * @returns a `writeOutcome` for each user; `moved` for those that stay
   */
  updateRings?(
    tenant: string,
    users: readonly string[],
    model: string,
    featureTimeMs: (user: number) => number,
    update: UpdateRing,
  ): Promise<Uint8Array>
  /**
   * Removes a user's state, events and rings of all models and sets the tombstone, in one atomic step. A tombstone of a
   * later time stays. A copy that carries over a tombstone knows the digest only: `user` is empty then, and what a driver
   * finds by the digest is removed.
   */
  forget(tenant: string, user: string, digest: string, tombstone: Uint8Array): Promise<RemovedUser>
  /** Removes records whose versions are as expected, each on its own; 1 where it was removed, else 0. */
  remove(tenant: string, removals: readonly RecordRemoval[]): Promise<Uint8Array>
  /** Keys that have a state, in the byte order of their UTF-8. Keys that come or go meanwhile may be left out. */
  keys(tenant: string, kind: 'user' | 'item'): AsyncIterable<string>
  /**
   * Visits a slice of a tenant's table: about `maxRecords` records, in an order of the driver's own. A record that stays
   * from the first slice to the last is visited, perhaps twice.
   *
   * @param cursor null for the first slice, then what the slice before returned
   * @returns the next slice's cursor, or null at the end
   */
  scan(tenant: string, table: Table, cursor: Cursor, maxRecords: number, visit: VisitScanned): Promise<Cursor>
  /** All records of all tenants, for checks and copies; each valid until the next step. */
  records(): AsyncIterable<StoredRecord>
  /** What all tenants' records take, at a cost that does not grow with them; null where the driver does not know. */
  sizeBytes(): number | null
  /** Once what was written is as durable as it is to be: of these users, or of all. */
  flushed(tenant?: string, users?: readonly string[]): Promise<void>
  /** What a user or an item shares its fate with: the master that has it. Without it, all share one. */
  partOf?(tenant: string, key: string): string
  /** Throws what a write would meet now, as far as it can be told without one; a write that failed is tried again. */
  checkWritable(): Promise<void>
  close(): Promise<void>
}

/** Of one ring, with the places of its user and its model in the request; null is for reads that may miss. */
export type VisitRing = (user: number, model: number, record: Uint8Array | undefined | null) => void
type VisitRecord = (place: number, record: Uint8Array | undefined) => void
/** Whether what is read may be missing, and may be older than what was written last. */
export type MayMiss = 'newest' | 'old'
export type VisitScanned = (key: string, model: string | undefined, record: Uint8Array) => void
type UpdateRing = (user: number, record: Uint8Array | undefined) => Uint8Array | null
/** Numbers of records. */
type RemovedUser = { readonly rings: number; readonly states: number; readonly events: number }
/** Where a scan goes on; null at the end. */
export type Cursor = string | null

export interface StoredRecord extends RecordAddress {
  readonly record: Uint8Array
}
