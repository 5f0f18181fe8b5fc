import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
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

/** An open backup. */
export interface Backup extends BackupHeader {
  /** All records, each valid until the next step, after which the file is known to be whole. @throws BackupDamageError */
  records(): AsyncGenerator<StoredRecord>
}

/**
 * Opens a backup, reads its header, and closes it after `use`. Each length is held against the file's size before memory is
 * taken for it.
 *
 * @throws BackupAccessError, BackupDamageError; StoreFormatError for a format this version does not read
 */
export async function readBackup<T>(path: string, use: (backup: Backup) => Promise<T>): Promise<T> {
  const attempt = <R>(work: Promise<R>): Promise<R> =>
    work.catch((cause) => {
      throw new BackupAccessError(path, 'read', cause)
    })
  const file = await attempt(open(path, 'r'))
  try {
    const { size } = await attempt(file.stat())
    const read = async (at: number, bytes: number, what: string): Promise<Buffer> => {
      const missing = at + bytes - size
      if (missing > 0)
        throw new BackupDamageError(path, size, `it is cut short in ${what}: ${missing} bytes are missing`)
      const buffer = Buffer.allocUnsafe(bytes)
      for (let done = 0; done < bytes; ) {
        const { bytesRead } = await attempt(file.read(buffer, done, bytes - done, at + done))
        if (bytesRead === 0)
          throw new BackupDamageError(path, at + done, `it was cut short while it was read, in ${what}`)
        done += bytesRead
      }
      return buffer
    }
    const headerBytes = await readHeader(path, read)
    const header = decodeHeader(path, headerBytes)
    return await use({ ...header, records: () => readRecords(path, size, headerBytes, header, read) })
  } finally {
    await file.close()
  }
}

type ReadBytes = (at: number, bytes: number, what: string) => Promise<Buffer>
type Counts = readonly Record<Table, number>[]

async function* readRecords(
  path: string,
  size: number,
  headerBytes: Buffer,
  { tenants }: BackupHeader,
  read: ReadBytes,
): AsyncGenerator<StoredRecord> {
  const hash = createHash('sha256')
  const counted = tenants.map(() => perTable(() => 0))
  let at = headerBytes.length
  let contentBytes = -1
  for (let blocks = 0; contentBytes !== 0; blocks++) {
    const head = await read(at, blockHeadBytes, 'a block')
    contentBytes = head.readUInt32LE(0)
    const count = head.readUInt32LE(4)
    if (contentBytes > maxBlockBytes)
      throw new BackupDamageError(path, at, `block ${blocks} says that it has ${contentBytes} bytes`)
    const content = await read(at + blockHeadBytes, contentBytes, `block ${blocks}`)
    if (head.readUInt32LE(8) !== blockChecksum(head, content)) {
      throw new BackupDamageError(path, at, `block ${blocks} fails its checksum`)
    }
    hash.update(head).update(content)
    if (contentBytes > 0) yield* entriesOf(path, content, count, at, tenants, counted)
    else if (count !== blocks) throw new BackupDamageError(path, at, `${blocks} blocks are there, of ${count}`)
    at += blockHeadBytes + contentBytes
  }
  const sum = await read(at, sumBytes, 'the sum at the end')
  if (!hash.update(headerBytes).digest().equals(sum)) throw new BackupDamageError(path, at, 'it fails its SHA-256')
  at += sumBytes
  if (at !== size) throw new BackupDamageError(path, at, `${size - at} bytes follow its end`)
  checkCounts(path, tenants, counted)
}

async function readHeader(path: string, read: ReadBytes): Promise<Buffer> {
  const lead = await read(0, leadBytes, 'header')
  if (!lead.subarray(0, magic.length).equals(magic)) {
    throw new BackupDamageError(path, 0, 'it does not begin as a backup does; name a file of `headwater store backup`')
  }
  const format = lead.readUInt32LE(8)
  if (format !== backupFormat) throw newerFormat(path, `the format of the file is ${format}`, backupFormat)
  const restBytes = lead.readUInt32LE(12)
  if (restBytes < fixedHeaderBytes - leadBytes + 4 || restBytes > maxHeaderBytes) {
    throw new BackupDamageError(path, 12, `the header says that it has ${restBytes} bytes`)
  }
  return Buffer.concat([lead, await read(leadBytes, restBytes, 'header')])
}

function decodeHeader(path: string, bytes: Buffer): BackupHeader {
  const end = bytes.length - 4
  if (bytes.readUInt32LE(end) !== crc32(bytes, 0, end, 0))
    throw new BackupDamageError(path, end, 'its header fails its checksum')
  const recordFormat = bytes.readUInt32LE(16)
  if (recordFormat > formatVersion) throw newerFormat(path, `its records have format ${recordFormat}`, formatVersion)
  const tenants: BackupTenant[] = []
  let at = fixedHeaderBytes
  for (let place = 0; place < bytes.readUInt32LE(28); place++) {
    const nameEnd = at + 2 + (at + 2 > end ? 0 : bytes.readUInt16LE(at))
    if (nameEnd + 8 * tables.length > end)
      throw new BackupDamageError(path, at, 'its header holds fewer tenants than it counts')
    const records = perTable(() => 0)
    for (const [i, table] of tables.entries()) records[table] = Number(bytes.readBigUInt64LE(nameEnd + 8 * i))
    tenants.push({ tenant: bytes.toString('utf8', at + 2, nameEnd), records })
    at = nameEnd + 8 * tables.length
  }
  if (at !== end) throw new BackupDamageError(path, at, 'its header holds more than the tenants it counts')
  const madeMs = bytes.readDoubleLE(20)
  if (!(Math.abs(madeMs) <= latestDateMs)) throw new BackupDamageError(path, 20, 'its header holds no time')
  return { madeMs, tenants }
}

function* entriesOf(
  path: string,
  content: Buffer,
  count: number,
  blockAt: number,
  tenants: readonly BackupTenant[],
  counted: Counts,
): Iterable<StoredRecord> {
  let at = 0
  for (let entry = 0; entry < count; entry++) {
    const where = blockAt + blockHeadBytes + at
    const table = at + entryHeadBytes > content.length ? undefined : tables[content[at] - 1]
    const place = table === undefined ? 0 : content.readUInt16LE(at + 2)
    if (table === undefined || place >= tenants.length)
      throw new BackupDamageError(path, where, 'a record has no address')
    const keyAt = at + entryHeadBytes
    const modelAt = keyAt + content.readUInt16LE(at + 4)
    const recordAt = modelAt + content.readUInt16LE(at + 6)
    const end = recordAt + content.readUInt32LE(at + 8)
    if (end > content.length) throw new BackupDamageError(path, where, 'a record is longer than its block')
    counted[place][table]++
    const key = content.toString('utf8', keyAt, modelAt)
    const model = table === 'ring' ? content.toString('utf8', modelAt, recordAt) : undefined
    yield { table, tenant: tenants[place].tenant, key, model, record: content.subarray(recordAt, end) }
    at = end
  }
  if (at !== content.length)
    throw new BackupDamageError(path, blockAt, `a block holds more than the ${count} records it counts`)
}

function checkCounts(path: string, tenants: readonly BackupTenant[], counted: Counts): void {
  for (const [place, { tenant, records }] of tenants.entries()) {
    for (const table of tables) {
      if (counted[place][table] === records[table]) continue
      const found = `${counted[place][table]} ${table} records of tenant "${tenant}"`
      throw new BackupDamageError(path, fixedHeaderBytes, `it holds ${found}, and its header counts ${records[table]}`)
    }
  }
}

function newerFormat(path: string, what: string, known: number): StoreFormatError {
  return new StoreFormatError(
    `backup ${path}: ${what}, and this version reads up to ${known}; nothing was written; restore it with the version that made it`,
  )
}
