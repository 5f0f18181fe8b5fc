import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { type RecordAddress, type Table, tables } from '../../record/record.ts'
import { firstAddress, partsOf } from './address.ts'
import { checkRoom, commitCause, writeError } from './commit-failure.ts'
import { dataPathOf } from './data-file.ts'
import { type LmdbEnvironment, openEnvironment } from './environment.ts'
import { compactionPathOf, openForWriting } from './open-lmdb.ts'
import { checkPages } from './pages.ts'

export interface CompactionProgress {
  readonly copied: number
  /** Records left out. */
  readonly dropped: number
  readonly total: number
}

export interface CompactionOptions {
  readonly onProgress?: (progress: CompactionProgress) => void
  readonly signal?: AbortSignal
  /** Records for which this is true are left out: expired rings, say, or tombstones past their retention. */
  readonly drop?: (address: RecordAddress, record: Uint8Array) => boolean
}

export interface CompactionReport {
  readonly copied: number
  readonly dropped: number
  readonly bytesBefore: number
  readonly bytesAfter: number
}

type Entry = { key: string; value: Buffer }

/** Bytes that go to the copy in one transaction. */
const commitBytes = 2 ** 23
const sliceRecords = 1_000

/**
 * Writes a store anew: in the order of keys, pages full, without what was removed, and without its bytes. LMDB itself gives
 * no page back to the file system and leaves the bytes of removed records in it. The copy lies in a directory beside the
 * file and takes its place in one step once it is on the disk, so that a compaction may be killed at any point; the next
 * one, or the next process that writes, removes what it left. Readers of other processes go on reading the file from
 * before and change over within a second of the end or so.
 *
 * @throws StoreBusyError while another process, or a handle of this one, has the store open for writing; StoreAccessError,
 * StoreCorruptError, StoreFormatError, StoreFullError; what the signal gives as its reason
 */
export async function compactLmdb(path: string, options: CompactionOptions = {}): Promise<CompactionReport> {
  const { environment: source, release } = await openForWriting(path)
  const copyPath = compactionPathOf(path)
  try {
    let report: Omit<CompactionReport, 'bytesAfter'>
    try {
      options.signal?.throwIfAborted()
      await checkPages(path, dataPathOf(path), 'all')
      report = await copyTo(copyPath, source, path, options)
      // Until here the store is the file from before, from here on the copy.
      renameSync(dataPathOf(copyPath), dataPathOf(path))
    } finally {
      await source.root.close()
    }
    syncDirectory(path)
    return { ...report, bytesAfter: statSync(dataPathOf(path)).size }
  } finally {
    rmSync(copyPath, { recursive: true, force: true })
    release()
  }
}

async function copyTo(
  copyPath: string,
  source: LmdbEnvironment,
  path: string,
  { onProgress, signal, drop = () => false }: CompactionOptions,
): Promise<Omit<CompactionReport, 'bytesAfter'>> {
  mkdirSync(copyPath, { recursive: true })
  const copy = await openEnvironment(copyPath, false)
  const progress = { copied: 0, dropped: 0, total: 0 }
  for (const table of tables) {
    progress.total += (source.tables[table].getStats() as { entryCount: number }).entryCount
  }
  try {
    for (const table of tables) {
      let pending: Entry[] = []
      let pendingBytes = 0
      const commit = async () => {
        // It is appended to: pages that are there stay.
        checkRoom(copyPath, { bytes: 2 * pendingBytes, count: 0 })
        await commitTo(copy, table, pending).catch((error: Error) => {
          throw writeError(path, error, pendingBytes)
        })
        progress.copied += pending.length
        pending = []
        pendingBytes = 0
        onProgress?.({ ...progress })
      }
      for (let start: string | null = firstAddress; start !== null; ) {
        signal?.throwIfAborted()
        const range = { start, exclusiveStart: true, limit: sliceRecords }
        const slice: Entry[] = [...source.tables[table].getRange(range)]
        for (const entry of slice) {
          if (drop({ table, ...partsOf(entry.key) }, entry.value)) {
            progress.dropped++
            continue
          }
          pending.push(entry)
          pendingBytes += entry.value.length
          if (pendingBytes >= commitBytes) await commit()
        }
        start = slice.length < sliceRecords ? null : slice[slice.length - 1].key
      }
      if (pending.length > 0) await commit()
    }
    onProgress?.({ ...progress })
  } finally {
    await copy.root.close()
  }
  const { copied, dropped } = progress
  return { copied, dropped, bytesBefore: statSync(dataPathOf(path)).size }
}

/** Appends: keys come in order, so that each page is filled before the next. */
async function commitTo({ root, tables: into }: LmdbEnvironment, table: Table, entries: readonly Entry[]) {
  try {
    await root.batch(() => {
      for (const { key, value } of entries) void into[table].put(key, value, { append: true } as never)
    })
  } catch (error) {
    throw await commitCause(error as Error)
  }
}

/** Makes a new name last; what the file holds was on the disk as it was committed. */
function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
