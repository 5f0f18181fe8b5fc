import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { constants as system } from 'node:os'
import { StoreFullError, StoreWriteError } from '../../validation/errors.ts'
import { dataPathOf, pageBytes } from './data-file.ts'

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
  return fullError(path, error)
}

function fullError(path: string, cause?: Error): StoreFullError {
  const mebibytes = (roomBytes(path) / 2 ** 20).toFixed(1)
  return new StoreFullError(
    `store ${path} could not commit, as its disk, its quota or its bound on a file's size is full (${mebibytes} MiB free); make room, or compact the ` +
      'store where there is room for a copy; what is not flushed stays in memory and goes with the next write',
    { cause },
  )
}

/** What a commit is to write: its records' bytes, and how many they are. */
export interface CommitSize {
  readonly bytes: number
  readonly count: number
}

/**
 * Keeps a commit from being begun that the disk has no room for: where the system refuses to write a page, lmdb-js 3.5.6 puts what it
 * says of that into memory that is too short for it, which sooner or later ends the process. A commit writes each page that it changes anew;
 * pages that were freed would do for some of them, but LMDB does not tell how many.
 *
 * @throws StoreFullError
 */
export function checkRoom(path: string, { bytes, count }: CommitSize): void {
  const fileBytes = statSync(dataPathOf(path), { throwIfNoEntry: false })?.size ?? 0
  const changedBytes = Math.min(count * pageBytes, fileBytes)
  if (roomBytes(path) < bytes + changedBytes + spareBytes) throw fullError(path)
}

const { errno } = system
const mapFull = -30_792
/** As the file system tells it, and LMDB by number. */
const fullCodes = new Set<unknown>(['ENOSPC', 'EDQUOT', 'EFBIG', errno.ENOSPC, errno.EDQUOT, errno.EFBIG, mapFull])

/** For what else a commit writes, and for what other programs do meanwhile. */
const spareBytes = 2 ** 20

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

/** Of this process; read once. */
let fileLimit: number | undefined

function maxFileBytes(): number {
  const limits = () => (existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : '')
  fileLimit ??= Number(/^Max file size +(\d+)/m.exec(limits())?.[1] ?? Infinity)
  return fileLimit
}
