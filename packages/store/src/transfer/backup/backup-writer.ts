import { createHash } from 'node:crypto'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isAlive } from '../../claims/directory-claim.ts'
import type { StoredRecord } from '../../drivers/driver.ts'
import { perTable } from '../../record/record.ts'
import { RequestError } from '../../validation/errors.ts'
import { BackupAccessError } from './backup-errors.ts'
import { encodeBlockHead, encodeEntry, encodeHeader, maxBlockBytes, maxTenants } from './backup-format.ts'

/** A block is written when it has this many bytes. */
const blockBytes = 2 ** 20

/** Takes the records of a backup. */
export interface BackupWriter {
  /**
   * @returns false for a record of a tenant that was not named at the start, which is left out
   * @throws BackupAccessError; RequestError for a record too large for a block
   */
  add(stored: StoredRecord): Promise<boolean>
  /** @returns bytes of the file @throws BackupAccessError */
  finish(): Promise<number>
}

/**
 * Writes a backup beside its place and puts it there when it is whole and on the disk. What a killed one left there is removed.
 *
 * @param fill adds the records and finishes; where it fails, what was begun is removed
 * @throws BackupAccessError, RequestError
 */
export async function writeBackup<T>(
  path: string,
  tenants: readonly string[],
  madeMs: number,
  fill: (writer: BackupWriter) => Promise<T>,
): Promise<T> {
  if (tenants.length > maxTenants) {
    throw new RequestError(`${tenants.length} tenants do not fit one backup, which takes ${maxTenants}; back up each`)
  }
  const attempt = <R>(work: Promise<R>): Promise<R> =>
    work.catch((cause) => {
      throw new BackupAccessError(path, 'written', cause)
    })
  const partial = `${path}.${process.pid}.partial`
  await attempt(removeLeftovers(path))
  const file = await attempt(open(partial, 'w', 0o600))
  const places = new Map(tenants.map((tenant, place) => [tenant, place]))
  const counts = tenants.map((tenant) => ({ tenant, records: perTable(() => 0) }))
  const hash = createHash('sha256')
  let entries: Buffer[] = []
  let entryBytes = 0
  let blocks = 0
  // The header comes first, and is written last.
  let at = encodeHeader({ madeMs, tenants: counts }).length
  const write = async (bytes: Buffer): Promise<void> => {
    await attempt(file.write(bytes, 0, bytes.length, at))
    at += bytes.length
  }
  const writeBlock = async (): Promise<void> => {
    if (entries.length === 0) return
    const content = Buffer.concat(entries)
    const block = Buffer.concat([encodeBlockHead(content, entries.length), content])
    hash.update(block)
    await write(block)
    blocks++
    entries = []
    entryBytes = 0
  }
  const add = async (stored: StoredRecord): Promise<boolean> => {
    const place = places.get(stored.tenant)
    if (place === undefined) return false
    const entry = encodeEntry(stored, place)
    if (entry.length > maxBlockBytes) {
      throw new RequestError(`a ${stored.table} record has ${stored.record.length} bytes, more than a backup holds`)
    }
    if (entryBytes + entry.length > maxBlockBytes) await writeBlock()
    entries.push(entry)
    entryBytes += entry.length
    counts[place].records[stored.table]++
    if (entryBytes >= blockBytes) await writeBlock()
    return true
  }
  const finish = async (): Promise<number> => {
    await writeBlock()
    const end = encodeBlockHead(new Uint8Array(0), blocks)
    const header = encodeHeader({ madeMs, tenants: counts })
    await write(Buffer.concat([end, hash.update(end).update(header).digest()]))
    await attempt(file.write(header, 0, header.length, 0))
    await attempt(file.sync())
    await attempt(rename(partial, path))
    await attempt(syncDirectory(dirname(path)))
    return at
  }
  try {
    return await fill({ add, finish })
  } finally {
    await file.close()
    await rm(partial, { force: true })
  }
}

/** Removes what was begun of a backup by processes that are gone. */
async function removeLeftovers(path: string): Promise<void> {
  const [directory, begun] = [dirname(path), `${basename(path)}.`]
  for (const name of await readdir(directory)) {
    const [, pid] = (name.startsWith(begun) && /^(\d+)\.partial$/.exec(name.slice(begun.length))) || []
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(directory, name), { force: true })
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
