import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { constants as system } from 'node:os'
import { join } from 'node:path'
import type { Database, RootDatabase } from 'lmdb'
import { formatError, formatVersion, type Table } from '../../record/record.ts'
import {
  StoreAccessError,
  StoreBindingError,
  type StoreError,
  StoreFormatError,
  StoreFullError,
  StoreWriteError,
} from '../../validation/errors.ts'
import { firstAddress, keyEncoder } from './address.ts'
import { corrupt, readMeta } from './meta.ts'
import { checkPages } from './pages.ts'

type LmdbTable = Database<Buffer, string>

/** An open LMDB file with the store's named databases. */
export interface LmdbEnvironment {
  readonly root: RootDatabase<Buffer, string>
  readonly tables: Readonly<Record<Table, LmdbTable>>
}

/**
 * Nine records of three 192-wide vectors lie on a page of 16 KB, two on one of 4 KB: a file a third smaller for appends
 * that measured some per cent slower, and reads as fast.
 */
const pageBytes = 16_384
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

export const dataPathOf = (path: string) => join(path, 'data.mdb')

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

/** Why lmdb-js could not commit, which it tells beside its own error. */
export async function commitCause(error: Error & { commitError?: Promise<never> }): Promise<Error> {
  return (await error.commitError?.catch((cause: Error) => cause)) ?? error
}

/** The error for a failed write or commit. LMDB reports a write that was cut short as an input or output error. */
export function writeError(path: string, error: Error & { code?: unknown }, bytes: number): StoreWriteError {
  const isFull =
    fullCodes.has(error.code) || (error.code === errno.EIO && roomBytes(path) < fullBelowBytes + 10 * bytes)
  if (!isFull) {
    return new StoreWriteError(
      `store ${path} could not commit: ${error.message}; what is not flushed stays in memory and goes with the next write`,
      { cause: error },
    )
  }
  const mebibytes = (roomBytes(path) / 2 ** 20).toFixed(1)
  return new StoreFullError(
    `store ${path} could not commit, as its disk, its quota or its bound on a file's size is full (${mebibytes} MiB free); make room, or compact the ` +
      'store where there is room for a copy; what is not flushed stays in memory and goes with the next write',
    { cause: error },
  )
}

const { errno } = system
const mapFull = -30_792
/** As the file system tells it, and LMDB by number. */
const fullCodes = new Set<unknown>(['ENOSPC', 'EDQUOT', 'EFBIG', errno.ENOSPC, errno.EDQUOT, errno.EFBIG, mapFull])

/** A write of many pages may fail with this much free. */
const fullBelowBytes = 2 ** 23

/** What the disk, and this process's bound on a file's size (`ulimit -f`), let a store grow by, as far as known. */
function roomBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return Math.min(bavail * bsize, maxFileBytes() - statSync(dataPathOf(path)).size)
  } catch {
    return Infinity
  }
}

function maxFileBytes(): number {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  return Number(/^Max file size +(\d+)/m.exec(limits)?.[1] ?? Infinity)
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
