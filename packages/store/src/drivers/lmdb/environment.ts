import { accessSync, closeSync, constants, existsSync, fstatSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Database, RootDatabase } from 'lmdb'
import { formatError, formatVersion, type Table } from '../../record/record.ts'
import {
  StoreAccessError,
  StoreBindingError,
  type StoreError,
  StoreFormatError,
  StoreFullError,
} from '../../validation/errors.ts'
import { firstAddress, keyEncoder } from './address.ts'
import { checkRoom, writeError } from './commit-failure.ts'
import { dataPathOf, pageBytes } from './data-file.ts'
import { corrupt, readMeta } from './meta.ts'
import { checkPages } from './pages.ts'

type LmdbTable = Database<Buffer, string>

/** An open LMDB file with the store's named databases. */
export interface LmdbEnvironment {
  readonly root: RootDatabase<Buffer, string>
  readonly tables: Readonly<Record<Table, LmdbTable>>
}

const databaseNames: Record<Table, string> = {
  ring: 'rings',
  user: 'users',
  item: 'items',
  events: 'events',
  tombstone: 'tombstones',
}

const absentTable = {
  getKeys: () => [],
  getRange: () => [],
  getBinaryFast: () => undefined,
} as unknown as LmdbTable

/** LMDB, loaded with the first store in it: the other drivers do without. @throws StoreBindingError */
export async function loadBinding(): Promise<typeof import('lmdb')> {
  try {
    return await import('lmdb')
  } catch (cause) {
    throw new StoreBindingError(cause)
  }
}

/**
 * Opens a store's file and checks what LMDB would not survive: a file cut short ends the process at the first read beyond
 * its end.
 *
 * `overlappingSync` is off: a commit waits until its pages and then its meta page are on the disk, as LMDB itself does it.
 * With it on lmdb-js commits before the pages are down, and a reader that opens after a loss of power would not know which
 * commits to pass over; it measured no faster in groups. `eventTurnBatching` is off, as it leaves a rejection unhandled
 * where a commit fails, which ends the process.
 *
 * @throws StoreBindingError, StoreAccessError, StoreCorruptError, StoreFormatError, StoreFullError
 */
export async function openEnvironment(path: string, readOnly: boolean): Promise<LmdbEnvironment> {
  const { open } = await loadBinding()
  if (readOnly) checkReadable(path)
  await checkFile(path)
  if (!readOnly && !existsSync(dataPathOf(path))) checkRoom(path, { bytes: 0, count: 0 })
  let root: RootDatabase<Buffer, string>
  try {
    const file = { path, noSubdir: false, maxDbs: 6, pageSize: pageBytes, readOnly }
    root = open({ ...file, encoding: 'binary', keyEncoder, overlappingSync: false, eventTurnBatching: false })
  } catch (error) {
    throw openError(path, error as Error)
  }
  try {
    // lmdb-js ends names with NUL.
    const names = [...root.getKeys({ start: firstAddress })].map((name) => name.replace(/\0$/, ''))
    const isNew = names.length === 0 || (names.length === 1 && names[0] === 'meta')
    if (isNew ? readOnly : !names.includes('meta')) {
      const what = isNew
        ? 'holds no store yet; open it for writing first'
        : 'holds an LMDB file of another program; give another path'
      throw new StoreFormatError(`${path} ${what}`)
    }
    const encoding = { encoding: 'binary', keyEncoder } as const
    const database = (name: string): LmdbTable => root.openDB({ name, ...encoding })
    const meta = database('meta')
    const format = meta.get('format')?.toString()
    // A store of an older format is read to be copied; one of format 1 has neither events nor tombstones.
    const isOlder = Number(format) >= 1 && Number(format) < formatVersion
    if (format === undefined && !readOnly) meta.putSync('format', Buffer.from(String(formatVersion)))
    else if (format !== String(formatVersion) && !(readOnly && isOlder)) {
      throw formatError(`store ${path}`, format ?? 'none')
    }
    const tables = Object.fromEntries(
      Object.entries(databaseNames).map(([table, name]) => [
        table,
        readOnly && !names.includes(name) ? absentTable : database(name),
      ]),
    )
    return { root, tables: tables as Record<Table, LmdbTable> }
  } catch (error) {
    await root.close()
    throw error instanceof StoreFormatError ? error : openError(path, error as Error)
  }
}

export function openError(path: string, error: Error & { code?: unknown }): StoreError {
  const failure = writeError(path, error, 0)
  if (failure instanceof StoreFullError) return failure
  return new StoreAccessError(
    `store ${path} cannot be opened: ${error.message}; its directory and files must be yours to write, ` +
      'lock.mdb for readers too',
    { cause: error },
  )
}

/** @throws StoreCorruptError, StoreAccessError */
async function checkFile(path: string): Promise<void> {
  const dataPath = dataPathOf(path)
  if (!existsSync(dataPath)) return
  let file: number
  try {
    file = openSync(dataPath, 'r')
  } catch (error) {
    throw openError(path, error as Error)
  }
  let isWhole: boolean
  try {
    const stats = fstatSync(file)
    // Its process was killed as it made it, before anything could be acknowledged; LMDB makes it anew.
    if (stats.size === 0) return
    if (!stats.isFile()) throw corrupt(path, 'data.mdb is no file')
    const { lastPage, pageBytes } = readMeta(path, file)
    isWhole = stats.size >= (lastPage + 1) * pageBytes
  } finally {
    closeSync(file)
  }
  // A last page that was freed before it was ever written lies beyond the end too, and hurts nobody.
  await checkPages(path, dataPath, isWhole ? 'few' : 'all')
}

/** @throws StoreAccessError */
function checkReadable(path: string): void {
  if (!existsSync(dataPathOf(path))) {
    throw new StoreAccessError(`there is no store at ${path} to read; open it for writing first, or give its path`)
  }
  // Where it may not, lmdb-js reads without a lock, and so pages that the writer has given to other records meanwhile.
  try {
    closeSync(openSync(join(path, 'lock.mdb'), constants.O_RDWR | constants.O_CREAT, 0o664))
  } catch (error) {
    // Nobody writes there.
    if ((error as { code?: unknown }).code !== 'EROFS') throw openError(path, error as Error)
  }
}

/** @throws StoreAccessError */
export function makeDirectory(path: string): void {
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
