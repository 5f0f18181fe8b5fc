import { statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { recordVersion, type Table, tables } from '../../record/record.ts'
import type { StateKind } from '../../record/state-record.ts'
import { digestOf, tombstoneTimeMs } from '../../record/tombstone.ts'
import { StoreCorruptError, StoreReadOnlyError } from '../../validation/errors.ts'
import {
  type Cursor,
  type Driver,
  type KeyedTable,
  type RecordRemoval,
  type RecordWrite,
  type RemovedUser,
  type StoredRecord,
  type UpdateRing,
  type VisitRecord,
  type VisitRing,
  type VisitScanned,
  writeOutcome,
} from '../driver.ts'
import { addressOf, endOfPrefix, firstAddress, partsOf } from './address.ts'
import { commitCause, dataPathOf, type LmdbEnvironment, openEnvironment, writeError } from './environment.ts'
import { checkPages } from './pages.ts'
import { WriteGroup } from './write-group.ts'

const scanKeys = 1_000
/** How often a reader looks whether a compaction has put another file in place of its own. */
const replacedCheckMs = 1_000

/** A group of this size goes to the disk before its delay is over; two of them are held at most. */
const groupBytes = 2 ** 24
/** Longest that a write waits for others to join its group. */
const groupDelayMs = 2

/**
 * Records in LMDB, in a directory of their own.
 *
 * Every LMDB commit waits for the disk. So writes are taken in memory, where this process reads them at once, and go to
 * the disk in groups, one transaction each, written by LMDB's own thread: a reader in another process sees whole groups,
 * and `flushed()` waits for the commit, which is durable. One process writes at a time, as compare-and-set looks at the
 * writes in memory too; others may read.
 */
export class LmdbDriver implements Driver {
  readonly atomicity = 'store'
  readonly #path: string
  readonly #release: (() => void) | null
  #environment: LmdbEnvironment
  #open = new WriteGroup()
  /** The group on its way to the disk. */
  #sent: WriteGroup | null = null
  #sending: Promise<void> | null = null
  #gathering: Promise<void> | null = null
  /** Whether the last group failed to commit. */
  #failed = false
  #timer: NodeJS.Timeout | null = null
  /** False while no user was ever forgotten, which spares writes a look: only this process makes tombstones. */
  #hasTombstones: boolean
  /** Of a reader: the file that it has open, and when it last looked which one is in place. */
  #inode: number
  #lookedAtMs = performance.now()

  /** @param release gives up this process's claim; null where the environment is for reading only */
  constructor(path: string, environment: LmdbEnvironment, release: (() => void) | null) {
    this.#path = path
    this.#release = release
    this.#environment = environment
    this.#inode = inodeOf(path)
    this.#hasTombstones = [...environment.tables.tombstone.getKeys({ start: firstAddress, limit: 1 })].length > 0
  }

  async readRings(
    tenant: string,
    users: readonly string[],
    models: readonly string[],
    visit: VisitRing,
  ): Promise<void> {
    if (this.#release === null) await this.#freshen()
    for (let u = 0; u < users.length; u++) {
      for (let m = 0; m < models.length; m++) visit(u, m, this.#current('ring', addressOf(tenant, users[u], models[m])))
    }
  }

  async readRecords(tenant: string, table: KeyedTable, keys: readonly string[], visit: VisitRecord): Promise<void> {
    await this.#freshen()
    for (let i = 0; i < keys.length; i++) visit(i, this.#current(table, addressOf(tenant, keys[i])))
  }

  async write(tenant: string, groups: readonly (readonly RecordWrite[])[]): Promise<Uint8Array> {
    await this.#room()
    const outcomes = new Uint8Array(groups.length)
    for (let g = 0; g < groups.length; g++) outcomes[g] = this.#writeGroup(tenant, groups[g])
    this.#sendSoon()
    return outcomes
  }

  async updateRings(
    tenant: string,
    users: readonly string[],
    model: string,
    featureTimeMs: (user: number) => number,
    update: UpdateRing,
  ): Promise<Uint8Array> {
    await this.#room()
    const outcomes = new Uint8Array(users.length)
    for (let u = 0; u < users.length; u++) {
      const address = addressOf(tenant, users[u], model)
      const record = update(u, this.#current('ring', address))
      if (record === null) continue
      if (this.#isForgotten(tenant, users[u], featureTimeMs(u))) outcomes[u] = writeOutcome.forgotten
      else {
        this.#open.set('ring', address, record)
        outcomes[u] = writeOutcome.written
      }
    }
    this.#sendSoon()
    return outcomes
  }

  async forget(tenant: string, user: string, digest: string, tombstone: Uint8Array): Promise<RemovedUser> {
    await this.#room()
    const prefix = addressOf(tenant, user, '')
    const range = { start: prefix, end: endOfPrefix(prefix) }
    const rings = new Set<string>(this.#environment.tables.ring.getKeys(range))
    for (const group of [this.#sent, this.#open]) {
      for (const address of group?.addresses('ring') ?? []) if (address.startsWith(prefix)) rings.add(address)
    }
    const state = addressOf(tenant, user)
    const removed = {
      rings: [...rings].filter((address) => this.#removeHeld('ring', address)).length,
      states: Number(this.#removeHeld('user', state)),
      events: Number(this.#removeHeld('events', state)),
    }
    const tombstoneAddress = addressOf(tenant, digest)
    if (!(tombstoneTimeMs(this.#current('tombstone', tombstoneAddress)) > tombstoneTimeMs(tombstone))) {
      this.#open.set('tombstone', tombstoneAddress, tombstone)
      this.#hasTombstones = true
    }
    this.#sendSoon()
    return removed
  }

  async remove(tenant: string, removals: readonly RecordRemoval[]): Promise<Uint8Array> {
    await this.#room()
    const removed = new Uint8Array(removals.length)
    for (const [i, { table, key, model, expected }] of removals.entries()) {
      const address = addressOf(tenant, key, model)
      const held = this.#current(table, address)
      if (held === undefined || recordVersion(held) !== expected) continue
      this.#open.set(table, address, null)
      removed[i] = 1
    }
    this.#sendSoon()
    return removed
  }

  async *keys(tenant: string, kind: StateKind): AsyncIterable<string> {
    let cursor: Cursor = null
    do {
      const keys: string[] = []
      cursor = await this.scan(tenant, kind, cursor, scanKeys, (key) => keys.push(key))
      yield* keys
    } while (cursor !== null)
  }

  /**
   * What is committed, in byte order. No address equals its prefix, so leaving out the start loses nothing. Each slice is a
   * short read transaction: a long one would keep LMDB from reusing pages.
   */
  async scan(tenant: string, table: Table, cursor: Cursor, maxRecords: number, visit: VisitScanned): Promise<Cursor> {
    await this.#committed()
    await this.#freshen()
    const prefix = `${tenant}\0`
    const range = { start: cursor ?? prefix, exclusiveStart: true, end: endOfPrefix(prefix), limit: maxRecords }
    const slice = [...this.#environment.tables[table].getKeys(range)]
    for (const address of slice) {
      const record = this.#current(table, address)
      const { key, model } = partsOf(address)
      if (record !== undefined) visit(key, model, record)
    }
    return slice.length < maxRecords ? null : slice[slice.length - 1]
  }

  /** Checks the file's pages first, as LMDB may end the process where one is damaged. */
  async *records(): AsyncIterable<StoredRecord> {
    await this.#committed()
    await this.#freshen()
    await this.#checkPages()
    for (const table of tables) {
      let start: string | null = firstAddress
      while (start !== null) {
        await this.#committed()
        await this.#freshen()
        const range = { start, exclusiveStart: true, limit: scanKeys }
        const slice: { key: string; value: Buffer }[] = [...this.#environment.tables[table].getRange(range)]
        for (const { key, value } of slice) yield { table, ...partsOf(key), record: value }
        start = slice.length < scanKeys ? null : slice[slice.length - 1].key
      }
    }
  }

  /** Of the file, free pages included: it is what the disk lacks. */
  sizeBytes(): number {
    return statSync(dataPathOf(this.#path), { throwIfNoEntry: false })?.size ?? 0
  }

  flushed(): Promise<void> {
    return this.#committed()
  }

  async close(): Promise<void> {
    try {
      await this.flushed()
    } finally {
      if (this.#timer !== null) clearTimeout(this.#timer)
      await this.#environment.root.close()
      this.#release?.()
    }
  }

  /** The record as of the last write; valid until the next read. */
  #current(table: Table, address: string): Uint8Array | undefined {
    let waiting = this.#open.isEmpty ? undefined : this.#open.get(table, address)
    if (waiting === undefined) waiting = this.#sent?.get(table, address)
    if (waiting !== undefined) return waiting ?? undefined
    const database = this.#environment.tables[table]
    const bytes = database.getBinaryFast(address)
    // The bytes may be LMDB's reused buffer, which is longer than the value.
    return bytes?.subarray(0, (database as unknown as { readonly lastSize: number }).lastSize)
  }

  #writeGroup(tenant: string, group: readonly RecordWrite[]): number {
    for (const { key, featureTimeMs } of group) {
      if (featureTimeMs !== undefined && this.#isForgotten(tenant, key, featureTimeMs)) return writeOutcome.forgotten
    }
    const addresses = group.map(({ key, model }) => addressOf(tenant, key, model))
    for (let i = 0; i < group.length; i++) {
      if (recordVersion(this.#current(group[i].table, addresses[i])) !== group[i].expected) return writeOutcome.moved
    }
    for (let i = 0; i < group.length; i++) this.#open.set(group[i].table, addresses[i], group[i].record)
    return writeOutcome.written
  }

  #isForgotten(tenant: string, user: string, featureTimeMs: number): boolean {
    if (!this.#hasTombstones) return false
    const tombstone = this.#current('tombstone', addressOf(tenant, digestOf(tenant, user)))
    return tombstoneTimeMs(tombstone) >= featureTimeMs
  }

  #removeHeld(table: Table, address: string): boolean {
    if (this.#current(table, address) === undefined) return false
    this.#open.set(table, address, null)
    return true
  }

  async #checkPages(): Promise<void> {
    // Keeps the writer from reusing pages under the walk.
    const transaction = this.#environment.root.useReadTransaction()
    try {
      await checkPages(this.#path, dataPathOf(this.#path), 'all').catch((error: Error) => {
        if (!(error instanceof StoreCorruptError)) throw error
        // A meta page that was read while it was written looks damaged once, not twice.
        return checkPages(this.#path, dataPathOf(this.#path), 'all')
      })
    } finally {
      transaction.done()
    }
  }

  /** Of a reader: what is read next is of the latest commit. */
  async #freshen(): Promise<void> {
    if (this.#release !== null) return
    const nowMs = performance.now()
    if (nowMs - this.#lookedAtMs >= replacedCheckMs) {
      this.#lookedAtMs = nowMs
      if (inodeOf(this.#path) !== this.#inode) await this.#reopen()
    }
    this.#environment.root.resetReadTxn()
  }

  async #reopen(): Promise<void> {
    const before = this.#environment.root
    this.#inode = inodeOf(this.#path)
    this.#environment = await openEnvironment(this.#path, true)
    await before.close()
  }

  /** Waits where writes outrun the disk, and throws where the disk takes none; nothing of the write is taken then. */
  async #room(): Promise<void> {
    if (this.#release === null) throw new StoreReadOnlyError(this.#path)
    while (this.#open.bytes >= groupBytes) {
      if (this.#sending !== null) await this.#sending
      else if (this.#failed) await this.#send()
      else this.#sendUnattended()
    }
  }

  #sendSoon(): void {
    if (this.#open.isEmpty || this.#sending !== null) return
    if (this.#open.bytes >= groupBytes) {
      this.#sendUnattended()
      return
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      if (this.#sending === null && !this.#open.isEmpty) this.#sendUnattended()
    }, groupDelayMs)
  }

  /** A failed group joins the next; `flushed()`, or a write that has to wait, throws the failure. */
  #sendUnattended(): void {
    this.#send().catch(() => {})
  }

  /** Resolves when all writes made before the call are committed. */
  async #committed(): Promise<void> {
    if (this.#sending !== null) await this.#sending
    if (!this.#open.isEmpty) await (this.#sending ?? this.#sendGathered())
  }

  /** Lets callers that the last commit woke join the next, whose cost is that of waiting for the disk. */
  #sendGathered(): Promise<void> {
    this.#gathering ??= setImmediate().then(() => {
      this.#gathering = null
      // Another may have sent the group meanwhile.
      return this.#sending ?? (this.#open.isEmpty ? undefined : this.#send())
    })
    return this.#gathering
  }

  #send(): Promise<void> {
    const group = this.#open
    const { root, tables } = this.#environment
    this.#open = new WriteGroup()
    this.#sent = group
    const committed = root.batch(() => {
      for (const { table, address, record } of group.writes()) {
        if (record === null) void tables[table].remove(address)
        else void tables[table].put(address, record as Buffer)
      }
    })
    this.#sending = committed.then(
      () => {
        // Reads from here on must see the new commit, as the group in memory is dropped.
        root.resetReadTxn()
        this.#sent = null
        this.#sending = null
        this.#failed = false
        this.#sendSoon()
      },
      async (error: Error) => {
        const cause = await commitCause(error)
        group.overwriteWith(this.#open)
        this.#open = group
        this.#sent = null
        this.#sending = null
        this.#failed = true
        throw writeError(this.#path, cause, group.bytes)
      },
    )
    return this.#sending
  }
}

function inodeOf(path: string): number {
  return statSync(dataPathOf(path), { throwIfNoEntry: false })?.ino ?? 0
}
