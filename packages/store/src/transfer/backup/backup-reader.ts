import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { StoredRecord } from '../../drivers/driver.ts'
import { crc32 } from '../../record/codec/crc32.ts'
import { formatVersion, perTable, type Table, tables } from '../../record/record.ts'
import { StoreFormatError } from '../../validation/errors.ts'
import { BackupAccessError, BackupDamageError } from './backup-errors.ts'
import {
  type BackupHeader,
  type BackupTenant,
  backupFormat,
  blockChecksum,
  blockHeadBytes,
  entryHeadBytes,
  fixedHeaderBytes,
  leadBytes,
  magic,
  maxBlockBytes,
  maxHeaderBytes,
  sumBytes,
} from './backup-format.ts'

/** Beyond it a number of milliseconds is no date. */
const latestDateMs = 8.64e15

/** An open backup. Each length is held against the file's size before memory is taken for it. */
export class BackupReader {
  header: BackupHeader = { madeMs: 0, tenants: [] }
  readonly #path: string
  readonly #file: FileHandle
  readonly #sizeBytes: number
  #headerBytes = Buffer.alloc(0)

  private constructor(path: string, file: FileHandle, sizeBytes: number) {
    this.#path = path
    this.#file = file
    this.#sizeBytes = sizeBytes
  }

  /**
   * Opens a backup, reads its header, and closes it after `use`.
   *
   * @throws BackupAccessError, BackupDamageError; StoreFormatError for a format this version does not read
   */
  static async use<T>(path: string, use: (backup: BackupReader) => Promise<T>): Promise<T> {
    const file = await attempt(path, () => open(path, 'r'))
    try {
      const { size } = await attempt(path, () => file.stat())
      const reader = new BackupReader(path, file, size)
      await reader.#readHeader()
      return await use(reader)
    } finally {
      await file.close()
    }
  }

  /** All records, each valid until the next step, after which the file is known to be whole. @throws BackupDamageError */
  async *records(): AsyncGenerator<StoredRecord> {
    const hash = createHash('sha256')
    const counted = this.header.tenants.map(() => perTable(() => 0))
    let at = this.#headerBytes.length
    for (let blocks = 0; ; blocks++) {
      const head = await this.#read(at, blockHeadBytes, 'a block')
      const contentBytes = head.readUInt32LE(0)
      if (contentBytes > maxBlockBytes) throw this.#damage(at, `block ${blocks} says that it has ${contentBytes} bytes`)
      const content = await this.#read(at + blockHeadBytes, contentBytes, `block ${blocks}`)
      if (head.readUInt32LE(8) !== blockChecksum(head, content))
        throw this.#damage(at, `block ${blocks} fails its checksum`)
      hash.update(head).update(content)
      if (contentBytes === 0) {
        if (head.readUInt32LE(4) !== blocks)
          throw this.#damage(at, `${blocks} blocks are there, of ${head.readUInt32LE(4)}`)
        at += blockHeadBytes
        break
      }
      yield* this.#entries(content, head.readUInt32LE(4), at, counted)
      at += blockHeadBytes + contentBytes
    }
    const sum = await this.#read(at, sumBytes, 'the sum at the end')
    if (!hash.update(this.#headerBytes).digest().equals(sum)) throw this.#damage(at, 'it fails its SHA-256')
    at += sumBytes
    if (at !== this.#sizeBytes) throw this.#damage(at, `${this.#sizeBytes - at} bytes follow its end`)
    this.#checkCounts(counted)
  }

  async #readHeader(): Promise<void> {
    const lead = await this.#read(0, leadBytes, 'header')
    if (!lead.subarray(0, magic.length).equals(magic)) {
      throw this.#damage(0, 'it does not begin as a backup does; name a file of `headwater store backup`')
    }
    const format = lead.readUInt32LE(8)
    if (format !== backupFormat) throw this.#formatError(`the format of the file is ${format}`, backupFormat)
    const restBytes = lead.readUInt32LE(12)
    if (restBytes < fixedHeaderBytes - leadBytes + 4 || restBytes > maxHeaderBytes) {
      throw this.#damage(12, `the header says that it has ${restBytes} bytes`)
    }
    this.#headerBytes = Buffer.concat([lead, await this.#read(leadBytes, restBytes, 'header')])
    this.header = this.#decodeHeader(this.#headerBytes)
  }

  #decodeHeader(bytes: Buffer): BackupHeader {
    const end = bytes.length - 4
    if (bytes.readUInt32LE(end) !== crc32(bytes, 0, end, 0)) throw this.#damage(end, 'its header fails its checksum')
    const recordFormat = bytes.readUInt32LE(16)
    if (recordFormat > formatVersion) throw this.#formatError(`its records have format ${recordFormat}`, formatVersion)
    const tenants: BackupTenant[] = []
    let at = fixedHeaderBytes
    for (let place = 0; place < bytes.readUInt32LE(28); place++) {
      const nameEnd = at + 2 + (at + 2 > end ? 0 : bytes.readUInt16LE(at))
      if (nameEnd + 8 * tables.length > end) throw this.#damage(at, 'its header holds fewer tenants than it counts')
      const records = perTable(() => 0)
      for (const [i, table] of tables.entries()) records[table] = Number(bytes.readBigUInt64LE(nameEnd + 8 * i))
      tenants.push({ tenant: bytes.toString('utf8', at + 2, nameEnd), records })
      at = nameEnd + 8 * tables.length
    }
    if (at !== end) throw this.#damage(at, 'its header holds more than the tenants it counts')
    const madeMs = bytes.readDoubleLE(20)
    if (!(Math.abs(madeMs) <= latestDateMs)) throw this.#damage(20, 'its header holds no time')
    return { madeMs, tenants }
  }

  *#entries(
    content: Buffer,
    count: number,
    blockAt: number,
    counted: readonly Record<Table, number>[],
  ): Iterable<StoredRecord> {
    const { tenants } = this.header
    let at = 0
    for (let entry = 0; entry < count; entry++) {
      const where = blockAt + blockHeadBytes + at
      const table = at + entryHeadBytes > content.length ? undefined : tables[content[at] - 1]
      const place = table === undefined ? 0 : content.readUInt16LE(at + 2)
      if (table === undefined || place >= tenants.length) throw this.#damage(where, 'a record has no address')
      const keyAt = at + entryHeadBytes
      const modelAt = keyAt + content.readUInt16LE(at + 4)
      const recordAt = modelAt + content.readUInt16LE(at + 6)
      const end = recordAt + content.readUInt32LE(at + 8)
      if (end > content.length) throw this.#damage(where, 'a record is longer than its block')
      counted[place][table]++
      const address = { table, tenant: tenants[place].tenant, key: content.toString('utf8', keyAt, modelAt) }
      const model = table === 'ring' ? { model: content.toString('utf8', modelAt, recordAt) } : {}
      yield { ...address, ...model, record: content.subarray(recordAt, end) }
      at = end
    }
    if (at !== content.length) throw this.#damage(blockAt, `a block holds more than the ${count} records it counts`)
  }

  #checkCounts(counted: readonly Record<Table, number>[]): void {
    for (const [place, { tenant, records }] of this.header.tenants.entries()) {
      for (const table of tables) {
        if (counted[place][table] === records[table]) continue
        const found = `${counted[place][table]} ${table} records of tenant "${tenant}"`
        throw this.#damage(fixedHeaderBytes, `it holds ${found}, and its header counts ${records[table]}`)
      }
    }
  }

  async #read(at: number, bytes: number, what: string): Promise<Buffer> {
    const missing = at + bytes - this.#sizeBytes
    if (missing > 0) throw this.#damage(this.#sizeBytes, `it is cut short in ${what}: ${missing} bytes are missing`)
    const buffer = Buffer.allocUnsafe(bytes)
    let read = 0
    while (read < bytes) {
      const { bytesRead } = await attempt(this.#path, () => this.#file.read(buffer, read, bytes - read, at + read))
      if (bytesRead === 0) throw this.#damage(at + read, `it was cut short while it was read, in ${what}`)
      read += bytesRead
    }
    return buffer
  }

  #damage(at: number, what: string): BackupDamageError {
    return new BackupDamageError(this.#path, at, what)
  }

  #formatError(what: string, known: number): StoreFormatError {
    return new StoreFormatError(
      `backup ${this.#path}: ${what}, and this version reads up to ${known}; nothing was written; restore it with the version that made it`,
    )
  }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new BackupAccessError(path, 'read', cause)
  }
}
