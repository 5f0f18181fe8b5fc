import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { StoredRecord } from '../../drivers/driver.ts'
import { perTable, type Table } from '../../record/record.ts'
import { RequestError } from '../../validation/errors.ts'
import { BackupAccessError } from './backup-errors.ts'
import { encodeBlockHead, encodeEntry, encodeHeader, maxBlockBytes, maxTenants } from './backup-format.ts'

/** A block is written when it has this many bytes. */
const blockBytes = 2 ** 20

/** Writes a backup beside its place and puts it there when it is whole and on the disk. */
export class BackupWriter {
  readonly #path: string
  readonly #partial: string
  readonly #madeMs: number
  readonly #file: FileHandle
  readonly #places: ReadonlyMap<string, number>
  readonly #counts: readonly Record<Table, number>[]
  readonly #hash: Hash = createHash('sha256')
  #entries: Buffer[] = []
  #entryBytes = 0
  #blocks = 0
  #at: number

  private constructor(path: string, partial: string, file: FileHandle, tenants: readonly string[], madeMs: number) {
    this.#path = path
    this.#partial = partial
    this.#file = file
    this.#madeMs = madeMs
    this.#places = new Map(tenants.map((tenant, place) => [tenant, place]))
    this.#counts = tenants.map(() => perTable(() => 0))
    this.#at = this.#header().length
  }

  /** @throws BackupAccessError, RequestError */
  static async create(path: string, tenants: readonly string[], madeMs: number): Promise<BackupWriter> {
    if (tenants.length > maxTenants) {
      throw new RequestError(`${tenants.length} tenants do not fit one backup, which takes ${maxTenants}; back up each`)
    }
    const partial = `${path}.${process.pid}.partial`
    try {
      return new BackupWriter(path, partial, await open(partial, 'w', 0o600), tenants, madeMs)
    } catch (cause) {
      throw new BackupAccessError(path, 'written', cause)
    }
  }

  /**
   * @returns false for a record of a tenant that was not named at the start, which is left out
   * @throws BackupAccessError; RequestError for a record too large for a block
   */
  async add(stored: StoredRecord): Promise<boolean> {
    const place = this.#places.get(stored.tenant)
    if (place === undefined) return false
    const entry = encodeEntry(stored, place)
    if (entry.length > maxBlockBytes) {
      throw new RequestError(`a ${stored.table} record has ${stored.record.length} bytes, more than a backup holds`)
    }
    if (this.#entryBytes + entry.length > maxBlockBytes) await this.#writeBlock()
    this.#entries.push(entry)
    this.#entryBytes += entry.length
    this.#counts[place][stored.table]++
    if (this.#entryBytes >= blockBytes) await this.#writeBlock()
    return true
  }

  /** @returns bytes of the file @throws BackupAccessError, once what was begun is removed */
  async finish(): Promise<number> {
    await this.#writeBlock()
    const end = encodeBlockHead(new Uint8Array(0), this.#blocks)
    const header = this.#header()
    const sum = this.#hash.update(end).update(header).digest()
    await this.#attempt(async () => {
      await this.#file.write(Buffer.concat([end, sum]), 0, end.length + sum.length, this.#at)
      await this.#file.write(header, 0, header.length, 0)
      await this.#file.sync()
      await this.#file.close()
      await rename(this.#partial, this.#path)
      await syncDirectory(dirname(this.#path))
    })
    return this.#at + end.length + sum.length
  }

  /** Removes what was begun. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {})
    await rm(this.#partial, { force: true })
  }

  #header(): Buffer {
    const tenants = [...this.#places].map(([tenant, place]) => ({ tenant, records: this.#counts[place] }))
    return encodeHeader({ madeMs: this.#madeMs, tenants })
  }

  async #writeBlock(): Promise<void> {
    if (this.#entries.length === 0) return
    const content = Buffer.concat(this.#entries)
    const block = Buffer.concat([encodeBlockHead(content, this.#entries.length), content])
    this.#hash.update(block)
    await this.#attempt(() => this.#file.write(block, 0, block.length, this.#at))
    this.#at += block.length
    this.#blocks++
    this.#entries = []
    this.#entryBytes = 0
  }

  async #attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (cause) {
      await this.abandon()
      throw new BackupAccessError(this.#path, 'written', cause)
    }
  }
}

/** A rename is on the disk when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
