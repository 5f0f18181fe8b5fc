import { statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { fileIdentity } from '../../claims/file-identity.ts'
import { recordVersion, type Table, tables } from '../../record/record.ts'
import { digestOf, tombstoneTimeMs } from '../../record/tombstone.ts'
import { StoreCorruptError, StoreReadOnlyError, StoreUnavailableError } from '../../validation/errors.ts'
import { type Driver, type RecordWrite, writeOutcome } from '../driver.ts'
import { addressOf, endOfPrefix, firstAddress, partsOf } from './address.ts'
import { checkRoom, commitCause, writeError } from './commit-failure.ts'
import { dataPathOf } from './data-file.ts'
import { type LmdbEnvironment, openEnvironment } from './environment.ts'
import { checkPages } from './pages.ts'
import { WriteGroup } from './write-group.ts'

const sliceRecords = 1_000
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
 *
 * @param opened holds this process's claim, unless it is for reading only
 * @param release gives up the claim; null where it is for reading only
 */
export function lmdbDriver(path: string, opened: LmdbEnvironment, release: (() => void) | null): Driver {
  let environment = opened
  let open = new WriteGroup()
  /** The group on its way to the disk. */
  let sent: WriteGroup | null = null
  let sending: Promise<void> | null = null
  let gathering: Promise<void> | null = null
  /** Whether the last group failed to commit. */
  let failed = false
  let timer: NodeJS.Timeout | null = null
  /** False while no user was ever forgotten, which spares writes a look: only this process makes tombstones. */
  let hasTombstones = [...opened.tables.tombstone.getKeys({ start: firstAddress, limit: 1 })].length > 0
  /** The file that is open, and, of a reader, when it last looked which one is in place. */
  let file = fileIdentity(dataPathOf(path))
  let lookedAtMs = performance.now()

  /** The record as of the last write; valid until the next read. */
  function current(table: Table, address: string): Uint8Array | undefined {
    let waiting = open.isEmpty ? undefined : open.get(table, address)
    if (waiting === undefined) waiting = sent?.get(table, address)
    if (waiting !== undefined) return waiting ?? undefined
    const database = environment.tables[table]
    const bytes = database.getBinaryFast(address)
    // The bytes may be LMDB's reused buffer, which is longer than the value.
    return bytes?.subarray(0, (database as unknown as { readonly lastSize: number }).lastSize)
  }

  function writeGroup(tenant: string, group: readonly RecordWrite[]): number {
    for (const { key, featureTimeMs } of group) {
      if (featureTimeMs !== undefined && isForgotten(tenant, key, featureTimeMs)) return writeOutcome.forgotten
    }
    const addresses = group.map(({ key, model }) => addressOf(tenant, key, model))
    for (let i = 0; i < group.length; i++) {
      if (recordVersion(current(group[i].table, addresses[i])) !== group[i].expected) return writeOutcome.moved
    }
    for (let i = 0; i < group.length; i++) open.set(group[i].table, addresses[i], group[i].record)
    return writeOutcome.written
  }

  function isForgotten(tenant: string, user: string, featureTimeMs: number): boolean {
    if (!hasTombstones) return false
    const tombstone = current('tombstone', addressOf(tenant, digestOf(tenant, user)))
    return tombstoneTimeMs(tombstone) >= featureTimeMs
  }

  function removeHeld(table: Table, address: string): boolean {
    if (current(table, address) === undefined) return false
    open.set(table, address, null)
    return true
  }

  async function checkAllPages(): Promise<void> {
    // Keeps the writer from reusing pages under the walk.
    const transaction = environment.root.useReadTransaction()
    try {
      await checkPages(path, dataPathOf(path), 'all').catch((error: Error) => {
        if (!(error instanceof StoreCorruptError)) throw error
        // A meta page that was read while it was written looks damaged once, not twice.
        return checkPages(path, dataPathOf(path), 'all')
      })
    } finally {
      transaction.done()
    }
  }

  /** Of a reader: what is read next is of the latest commit. */
  async function freshen(): Promise<void> {
    if (release !== null) return
    const nowMs = performance.now()
    if (nowMs - lookedAtMs >= replacedCheckMs) {
      lookedAtMs = nowMs
      if (fileIdentity(dataPathOf(path)) !== file) await reopen()
    }
    environment.root.resetReadTxn()
  }

  async function reopen(): Promise<void> {
    const before = environment.root
    file = fileIdentity(dataPathOf(path))
    environment = await openEnvironment(path, true)
    await before.close()
  }

  /** @throws StoreUnavailableError where what is committed lies in a file that nobody will find again */
  function checkInPlace(): void {
    if (fileIdentity(dataPathOf(path)) === file) return
    throw new StoreUnavailableError(
      `store ${path} was removed, replaced, or its disk is away; put back the directory that was there, or start anew on ` +
        'what is there now; what is not flushed stays in memory',
    )
  }

  /** Waits where writes outrun the disk, and throws where the disk takes none; nothing of the write is taken then. */
  async function room(): Promise<void> {
    if (release === null) throw new StoreReadOnlyError(path)
    while (open.bytes >= groupBytes) {
      if (sending !== null) await sending
      else if (failed) await send()
      else sendUnattended()
    }
  }

  function sendSoon(): void {
    if (open.isEmpty || sending !== null) return
    if (open.bytes >= groupBytes) {
      sendUnattended()
      return
    }
    timer ??= setTimeout(() => {
      timer = null
      if (sending === null && !open.isEmpty) sendUnattended()
    }, groupDelayMs)
  }

  /** A failed group joins the next; `flushed()`, or a write that has to wait, throws the failure. */
  function sendUnattended(): void {
    send().catch(() => {})
  }

  /** Resolves when all writes made before the call are committed. */
  async function committed(): Promise<void> {
    if (sending !== null) await sending
    if (!open.isEmpty) await (sending ?? sendGathered())
  }

  /** Lets callers that the last commit woke join the next, whose cost is that of waiting for the disk. */
  function sendGathered(): Promise<void> {
    gathering ??= setImmediate().then(() => {
      gathering = null
      // Another may have sent the group meanwhile.
      return sending ?? (open.isEmpty ? undefined : send())
    })
    return gathering
  }

  function send(): Promise<void> {
    const group = open
    const { root, tables } = environment
    open = new WriteGroup()
    sent = group
    /** False while LMDB is at it, whose errors are not the store's. */
    let isOwn = true
    const commit = async () => {
      checkRoom(path, group)
      isOwn = false
      await root.batch(() => {
        for (const { table, address, record } of group.writes()) {
          if (record === null) void tables[table].remove(address)
          else void tables[table].put(address, record as Buffer)
        }
      })
      isOwn = true
      checkInPlace()
    }
    sending = commit().then(
      () => {
        // Reads from here on must see the new commit, as the group in memory is dropped.
        root.resetReadTxn()
        sent = null
        sending = null
        failed = false
        sendSoon()
      },
      async (error: Error) => {
        const cause = isOwn ? error : await commitCause(error)
        group.overwriteWith(open)
        open = group
        sent = null
        sending = null
        failed = true
        throw isOwn ? error : writeError(path, cause, group.bytes)
      },
    )
    return sending
  }

  /**
   * What is committed, in byte order. No address equals its prefix, so leaving out the start loses nothing. Each slice is a
   * short read transaction: a long one would keep LMDB from reusing pages.
   */
  const scan: Driver['scan'] = async (tenant, table, cursor, maxRecords, visit) => {
    await committed()
    await freshen()
    const prefix = `${tenant}\0`
    const range = { start: cursor ?? prefix, exclusiveStart: true, end: endOfPrefix(prefix), limit: maxRecords }
    const slice = [...environment.tables[table].getKeys(range)]
    for (const address of slice) {
      const record = current(table, address)
      const { key, model } = partsOf(address)
      if (record !== undefined) visit(key, model, record)
    }
    return slice.length < maxRecords ? null : slice[slice.length - 1]
  }

  return {
    atomicity: 'store',

    async readRings(tenant, users, models, visit) {
      if (release === null) await freshen()
      for (let u = 0; u < users.length; u++) {
        for (let m = 0; m < models.length; m++) visit(u, m, current('ring', addressOf(tenant, users[u], models[m])))
      }
    },

    async readRecords(tenant, table, keys, visit) {
      await freshen()
      for (let i = 0; i < keys.length; i++) visit(i, current(table, addressOf(tenant, keys[i])))
    },

    async write(tenant, groups) {
      await room()
      const outcomes = Uint8Array.from(groups, (group) => writeGroup(tenant, group))
      sendSoon()
      return outcomes
    },

    async updateRings(tenant, users, model, featureTimeMs, update) {
      await room()
      const outcomes = new Uint8Array(users.length)
      for (let u = 0; u < users.length; u++) {
        const address = addressOf(tenant, users[u], model)
        const record = update(u, current('ring', address))
        if (record === null) continue
        if (isForgotten(tenant, users[u], featureTimeMs(u))) outcomes[u] = writeOutcome.forgotten
        else {
          open.set('ring', address, record)
          outcomes[u] = writeOutcome.written
        }
      }
      sendSoon()
      return outcomes
    },

    async forget(tenant, user, digest, tombstone) {
      await room()
      const prefix = addressOf(tenant, user, '')
      const range = { start: prefix, end: endOfPrefix(prefix) }
      const rings = new Set<string>(environment.tables.ring.getKeys(range))
      for (const group of [sent, open]) {
        for (const address of group?.addresses('ring') ?? []) if (address.startsWith(prefix)) rings.add(address)
      }
      const state = addressOf(tenant, user)
      const removed = {
        rings: [...rings].filter((address) => removeHeld('ring', address)).length,
        states: Number(removeHeld('user', state)),
        events: Number(removeHeld('events', state)),
      }
      const tombstoneAddress = addressOf(tenant, digest)
      if (!(tombstoneTimeMs(current('tombstone', tombstoneAddress)) > tombstoneTimeMs(tombstone))) {
        open.set('tombstone', tombstoneAddress, tombstone)
        hasTombstones = true
      }
      sendSoon()
      return removed
    },

    async remove(tenant, removals) {
      await room()
      const removed = Uint8Array.from(removals, ({ table, key, model, expected }) => {
        const address = addressOf(tenant, key, model)
        const held = current(table, address)
        if (held === undefined || recordVersion(held) !== expected) return 0
        open.set(table, address, null)
        return 1
      })
      sendSoon()
      return removed
    },

    async *keys(tenant, kind) {
      let cursor: string | null = null
      do {
        const keys: string[] = []
        cursor = await scan(tenant, kind, cursor, sliceRecords, (key) => keys.push(key))
        yield* keys
      } while (cursor !== null)
    },

    scan,

    /** Checks the file's pages first, as LMDB may end the process where one is damaged. */
    async *records() {
      await committed()
      await freshen()
      await checkAllPages()
      for (const table of tables) {
        for (let start: string | null = firstAddress; start !== null; ) {
          await committed()
          await freshen()
          const range = { start, exclusiveStart: true, limit: sliceRecords }
          const slice: { key: string; value: Buffer }[] = [...environment.tables[table].getRange(range)]
          for (const { key, value } of slice) yield { table, ...partsOf(key), record: value }
          start = slice.length < sliceRecords ? null : slice[slice.length - 1].key
        }
      }
    },

    // Of the file, free pages included: it is what the disk lacks.
    sizeBytes: () => statSync(dataPathOf(path), { throwIfNoEntry: false })?.size ?? 0,
    flushed: committed,

    async checkWritable() {
      if (release === null) return
      checkInPlace()
      if (failed) await committed()
    },

    async close() {
      try {
        await committed()
      } finally {
        if (timer !== null) clearTimeout(timer)
        await environment.root.close()
        release?.()
      }
    },
  }
}
