import { accessSync, constants, mkdirSync } from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { Driver, RecordWrite, RemovedUser, StoredRecord } from '../driver.ts'
import { StoreAccessError, StoreFormatError, StoreWriteError } from '../errors.ts'
import { formatVersion, recordVersion, type Table, tables } from '../record.ts'
import type { StateKind } from '../state-record.ts'
import { WriteGroup } from './write-group.ts'
import { renewClaim } from './writer-claim.ts'

type Dbi = Database<Buffer, string>

/** A group's writes fall on pages all over the tree, each written whole, so that larger pages measured slower. */
const pageBytes = 4_096
const scanKeys = 1_000

/** Keys are stored as their plain UTF-8, so that their order is that of the bytes. */
const keyEncoder = {
  writeKey: (key: string, target: Buffer, start: number) => start + target.write(key, start, 'utf8'),
  readKey: (source: Buffer, start: number, end: number) => source.toString('utf8', start, end),
}

export interface LmdbOptions {
  /** A group of this size goes to the disk before its delay is over; two of them are held at most. */
  readonly groupBytes: number
  /** Longest that a write waits for others to join its group. */
  readonly groupDelayMs: number
}

/**
 * Records in LMDB, in a directory of their own.
 *
 * Every LMDB commit waits for the disk, some 0.4 ms and more, whatever flags its transaction is given. So writes are
 * taken in memory, where this process reads them at once, and go to the disk in groups, one transaction each, written by
 * LMDB's own thread in the default mode with `overlappingSync`: a reader in another process sees whole groups, and
 * `flushed()` waits for the disk. `noSync` is never used. One process writes at a time, as compare-and-set looks at the
 * writes in memory too; others may read the files.
 *
 * Keys: `tenant NUL key` for states, `tenant NUL user NUL model` for rings.
 */
export class LmdbDriver implements Driver {
  readonly #path: string
  readonly #options: LmdbOptions
  readonly #root: RootDatabase<Buffer, string>
  readonly #meta: Dbi
  readonly #dbis: Record<Table, Dbi>
  #open = new WriteGroup()
  /** The group on its way to the disk. */
  #sent: WriteGroup | null = null
  #sending: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null

  /** @throws StoreAccessError, StoreFormatError, StoreBusyError */
  constructor(path: string, options: LmdbOptions) {
    this.#path = path
    this.#options = options
    makeDirectory(path)
    try {
      this.#root = open({ path, noSubdir: false, maxDbs: 4, pageSize: pageBytes, encoding: 'binary', keyEncoder })
    } catch (error) {
      throw new StoreAccessError(`store ${path} cannot be opened: ${(error as Error).message}`, { cause: error })
    }
    const encoding = { encoding: 'binary', keyEncoder } as const
    const dbi = (name: string): Dbi => this.#root.openDB({ name, ...encoding })
    this.#meta = dbi('meta')
    this.#dbis = { ring: dbi('rings'), user: dbi('users'), item: dbi('items') }
    try {
      this.#root.transactionSync(() => this.#claim())
    } catch (error) {
      void this.#root.close()
      throw error
    }
  }

  async readRings(
    tenant: string,
    users: readonly string[],
    models: readonly string[],
    visit: (user: number, model: number, record: Uint8Array | undefined) => void,
  ): Promise<void> {
    for (let u = 0; u < users.length; u++) {
      for (let m = 0; m < models.length; m++) {
        visit(u, m, this.#current('ring', addressOf(tenant, users[u], models[m])))
      }
    }
  }

  async readStates(
    tenant: string,
    kind: StateKind,
    keys: readonly string[],
    visit: (place: number, record: Uint8Array | undefined) => void,
  ): Promise<void> {
    for (let i = 0; i < keys.length; i++) visit(i, this.#current(kind, addressOf(tenant, keys[i])))
  }

  async write(tenant: string, groups: readonly (readonly RecordWrite[])[]): Promise<Uint8Array> {
    const done = new Uint8Array(groups.length)
    for (let g = 0; g < groups.length; g++) {
      const group = groups[g]
      const addresses = group.map(({ key, model }) => addressOf(tenant, key, model))
      const moved = group.some(
        ({ table, expected }, i) => recordVersion(this.#current(table, addresses[i])) !== expected,
      )
      if (moved) continue
      for (let i = 0; i < group.length; i++) this.#open.set(group[i].table, addresses[i], group[i].record)
      done[g] = 1
    }
    await this.#schedule()
    return done
  }

  async removeUser(tenant: string, user: string): Promise<RemovedUser> {
    const prefix = addressOf(tenant, user, '')
    const rings = new Set<string>()
    for (const address of this.#dbis.ring.getKeys({ start: prefix, end: endOfPrefix(prefix) })) rings.add(address)
    for (const group of [this.#sent, this.#open]) {
      for (const address of group?.addresses('ring') ?? []) if (address.startsWith(prefix)) rings.add(address)
    }
    const held = [...rings].filter((address) => this.#current('ring', address) !== undefined)
    for (const address of held) this.#open.set('ring', address, null)
    const state = addressOf(tenant, user)
    const states = this.#current('user', state) === undefined ? 0 : 1
    if (states > 0) this.#open.set('user', state, null)
    await this.#schedule()
    return { rings: held.length, states }
  }

  async *keys(tenant: string, kind: StateKind): AsyncIterable<string> {
    const prefix = `${tenant}\0`
    for await (const address of this.#scan(kind, prefix)) yield address.slice(prefix.length)
  }

  async *records(): AsyncIterable<StoredRecord> {
    for (const table of tables) {
      for await (const address of this.#scan(table, '')) {
        const record = this.#dbis[table].getBinary(address)
        if (record !== undefined) yield { table, address: `${table}\0${address}`, record }
      }
    }
  }

  async flushed(): Promise<void> {
    await this.#committed()
    await this.#root.flushed
  }

  async close(): Promise<void> {
    try {
      await this.flushed()
      this.#meta.removeSync('writer')
    } finally {
      if (this.#timer !== null) clearTimeout(this.#timer)
      await this.#root.close()
    }
  }

  /** The record as of the last write; valid until the next read. */
  #current(table: Table, address: string): Uint8Array | undefined {
    const open = this.#open.get(table, address)
    if (open !== undefined) return open ?? undefined
    const sent = this.#sent?.get(table, address)
    if (sent !== undefined) return sent ?? undefined
    const dbi = this.#dbis[table]
    const bytes = dbi.getBinaryFast(address)
    // The bytes may be LMDB's reused buffer, which is longer than the value.
    return bytes?.subarray(0, (dbi as unknown as { readonly lastSize: number }).lastSize)
  }

  /** Addresses in byte order, in slices of short read transactions: a long one would keep LMDB from reusing pages. */
  async *#scan(table: Table, prefix: string): AsyncIterable<string> {
    await this.#committed()
    const end = prefix === '' ? {} : { end: endOfPrefix(prefix) }
    // No key equals its prefix, nor a lone first byte, so leaving out the start loses nothing.
    let start = prefix === '' ? '\x01' : prefix
    for (;;) {
      const range = { start, exclusiveStart: true, ...end, limit: scanKeys }
      const slice = [...this.#dbis[table].getKeys(range)]
      yield* slice
      if (slice.length < scanKeys) return
      start = slice[slice.length - 1]
    }
  }

  /** Sees to it that the open group is sent; waits only where writes outrun the disk. */
  async #schedule(): Promise<void> {
    if (this.#open.bytes < this.#options.groupBytes) return this.#sendLater()
    if (this.#sending !== null) await this.#sending
    if (this.#sending === null && this.#open.bytes >= this.#options.groupBytes) this.#sendUnattended()
  }

  #sendLater(): void {
    if (this.#open.size === 0) return
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      if (this.#sending === null) this.#sendUnattended()
    }, this.#options.groupDelayMs)
  }

  /** A failed group joins the next; `flushed()`, or a write that has to wait, tells of the failure. */
  #sendUnattended(): void {
    this.#send().catch(() => {})
  }

  /** Resolves when all writes made before the call are committed. */
  async #committed(): Promise<void> {
    if (this.#sending !== null) await this.#sending
    if (this.#open.size > 0) await (this.#sending ?? this.#send())
  }

  #send(): Promise<void> {
    const group = this.#open
    this.#open = new WriteGroup()
    this.#sent = group
    const committed = this.#root.batch(() => {
      for (const { table, address, record } of group.writes()) {
        if (record === null) void this.#dbis[table].remove(address)
        else void this.#dbis[table].put(address, record as Buffer)
      }
    })
    const sending = committed.then(
      () => {
        // Reads from here on must see the new commit, as the group in memory is dropped.
        this.#root.resetReadTxn()
        this.#sent = null
        this.#sending = null
        this.#sendLater()
      },
      (error: Error) => {
        group.overwriteWith(this.#open)
        this.#open = group
        this.#sent = null
        this.#sending = null
        throw new StoreWriteError(`store ${this.#path} could not commit: ${error.message}`, { cause: error })
      },
    )
    this.#sending = sending
    return sending
  }

  #claim(): void {
    const format = this.#meta.get('format')
    if (format === undefined) this.#meta.putSync('format', Buffer.from(String(formatVersion)))
    else if (format.toString() !== String(formatVersion)) {
      throw new StoreFormatError(
        `store ${this.#path} has format ${format}, this version reads and writes ${formatVersion}; ` +
          'use the version that wrote it, or copy it to a new store',
      )
    }
    this.#meta.putSync('writer', renewClaim(this.#path, this.#meta.get('writer')) as Buffer)
  }
}

function addressOf(tenant: string, key: string, model?: string): string {
  return model === undefined ? `${tenant}\0${key}` : `${tenant}\0${key}\0${model}`
}

/** The first string after all that start with `prefix`, which ends in NUL. */
function endOfPrefix(prefix: string): string {
  return `${prefix.slice(0, -1)}\x01`
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new StoreAccessError(
      `store directory ${path} cannot be made or written: ${(error as Error).message}; give a directory you may write`,
      { cause: error },
    )
  }
}
