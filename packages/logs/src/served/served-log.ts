import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServedBatch } from '@headwater/pooling'
import type { ForgetHolder, Removal } from '@headwater/store'
import { Exclusive } from '../directory/exclusive.ts'
import { fileMode, LogDirectory, type LogFileOptions } from '../directory/log-directory.ts'
import { StateFile } from '../directory/state-file.ts'
import type { VectorType } from '../parquet/columns.ts'
import { ParquetFile } from '../parquet/parquet-file.ts'
import { encodeRowGroup } from '../parquet/row-group.ts'
import { PendingRows } from './pending-rows.ts'
import { removeUser } from './served-forget.ts'
import { type ItemArchives, ServedItems } from './served-items.ts'
import { knownTables, type ServedTable, servedTables } from './served-table.ts'

export interface ServedLogOptions extends LogFileOptions {
  readonly directory: string
  /** Whose users they are. */
  readonly tenant: string
  /** Models of which the newest vector is kept beside the pooled one. Default none. */
  readonly latest?: readonly string[]
  /** How vectors are held: `float32` for readers that know no `FLOAT16`, at twice the bytes. Default `float16`. */
  readonly vectorType?: VectorType
  /** Item vectors of the snapshots that rows name, which are kept beside them. Default: none are. */
  readonly items?: ItemArchives
  /** Time after which rows are written, at most: what is younger is lost with the process. Default 1,000. */
  readonly flushMs?: number
  /** Rows that may wait to be written; what is served beyond is dropped and counted. Default 65,536. */
  readonly maxPendingRows?: number
  /** Called with the error where rows could not be written; they wait, and are tried again. */
  readonly onError?: (error: unknown) => void
}

export type ServedLogCounters = ServedLog['counters']

interface OpenFile {
  readonly path: string
  readonly first: number
  served: ParquetFile<ServedTable>
  readonly timer: NodeJS.Timeout
}

/** How far the log got, which is read after a crash. Rows are counted since the log's beginning. */
interface ServedProgress {
  /** First row of the open file; null where none was written to since the log was opened. */
  readonly first: number | null
  /** Of the open file that are on the disk. */
  readonly bytes: number
  readonly written: number
  readonly recorded: number
}

const noProgress: ServedProgress = { first: null, bytes: 0, written: 0, recorded: 0 }

const defaultRows = 1_000_000
const defaultAgeMs = 600_000

/** How often it is noted how many rows were recorded. */
const countMs = 10

/** Chunks that wait to be filled again: those of a burst are let go. */
const mostFree = 2

/**
 * What was served to whom, when and from which snapshot, as Parquet files. `record` copies; encoding and writing come later, a
 * slice at a time.
 */
export class ServedLog {
  readonly counters = {
    /** Written: they outlive the process. */
    rows: 0,
    /** Not kept, as too many waited. */
    dropped: 0,
    /** Of the process before, which ended without `close`: recorded, but not written. What it served in its last moments, some 10 ms, may not be counted. */
    lost: 0,
    /** Finished files. */
    files: 0,
  }
  /** Writes files anew without a user's rows. */
  readonly holder: ForgetHolder
  readonly #directory: LogDirectory
  readonly #tenant: string
  readonly #latest: ReadonlySet<string>
  readonly #table: ServedTable
  readonly #flushMs: number
  readonly #maxChunks: number
  readonly #maxRows: number
  readonly #maxAgeMs: number
  readonly #onError: (error: unknown) => void
  readonly #items: ServedItems | null
  readonly #exclusive = new Exclusive()
  readonly #full: PendingRows[] = []
  readonly #free: PendingRows[] = []
  #filling: PendingRows | null = null
  #chunks = 0
  #timer: NodeJS.Timeout | null = null
  #countTimer: NodeJS.Timeout | null = null
  #counting: Promise<void> = Promise.resolve()
  #open: OpenFile | null = null
  readonly #state: StateFile<ServedProgress>
  /** Rows recorded and rows written, both since the log's beginning. */
  #recorded = 0
  #written = 0
  #closed = false

  private constructor(options: ServedLogOptions, directory: LogDirectory, state: StateFile<ServedProgress>) {
    const { tenant, latest = [], vectorType = 'float16', flushMs = 1_000, maxPendingRows = 65_536 } = options
    this.#directory = directory
    this.#state = state
    this.#tenant = tenant
    this.#latest = new Set(latest)
    this.#table = servedTables[vectorType]
    this.#flushMs = flushMs
    this.#maxChunks = Math.ceil(maxPendingRows / PendingRows.capacity)
    this.#maxRows = options.maxRows ?? defaultRows
    this.#maxAgeMs = options.maxAgeMs ?? defaultAgeMs
    this.#onError = options.onError ?? (() => {})
    this.#items = options.items ? new ServedItems(directory, options.items, this.#onError) : null
    this.holder = {
      where: 'served log',
      forget: async (of, user) => (of === tenant ? this.#exclusive.run(() => this.#forget(user)) : []),
    }
  }

  /** @throws LogDirectoryError */
  static async open(options: ServedLogOptions): Promise<ServedLog> {
    const { maxRows, maxAgeMs, keepFiles, maxBytes } = options
    const limits = { maxRows, maxAgeMs, keepFiles, maxBytes }
    const directory = new LogDirectory(options.directory, 'served', 'parquet', limits)
    try {
      const log = new ServedLog(
        options,
        directory,
        await StateFile.open(join(options.directory, '.served.state'), noProgress),
      )
      await log.#recover()
      return log
    } catch (error) {
      directory.release()
      throw error
    }
  }

  /** Rows recorded that are not written yet. */
  get pendingRows(): number {
    return this.#recorded - this.#written
  }

  /** Copies what was served; never throws and never waits. @param request as outcomes will name it */
  record(served: ServedBatch, request?: string): void {
    if (this.#closed) return
    for (const columns of served.models) {
      const keepsLatest = this.#latest.has(columns.model)
      for (let from = 0; from < served.users.length; ) {
        this.#filling ??= this.#chunk()
        if (this.#filling === null) {
          this.counters.dropped += served.users.length - from
          break
        }
        const taken = this.#filling.add(served, columns, from, request ?? null, keepsLatest)
        from += taken
        this.#recorded += taken
        if (from < served.users.length || this.#filling.rows === PendingRows.capacity) this.#drainSoon()
      }
    }
    if (this.#filling) this.#drainLater()
    this.#countLater()
  }

  /** Writes all rows recorded so far. */
  flush(): Promise<void> {
    this.#fillNext()
    return this.#exclusive.run(() => this.#drain())
  }

  /** Writes all rows recorded so far and finishes the open file, so that its readers see it. */
  rotate(): Promise<void> {
    this.#fillNext()
    return this.#exclusive.run(async () => {
      await this.#drain()
      await this.#finish()
    })
  }

  /** As `rotate`, and gives the directory back. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.rotate()
    } finally {
      clearInterval(this.#open?.timer)
      if (this.#countTimer) clearTimeout(this.#countTimer)
      await this.#counting
      await this.#state.close()
      this.#directory.release()
    }
  }

  #chunk(): PendingRows | null {
    const free = this.#free.pop()
    if (free) return free
    if (this.#chunks === this.#maxChunks) return null
    this.#chunks++
    return new PendingRows(this.#tenant, this.#latest.size > 0)
  }

  /** Later rows go into another chunk. */
  #fillNext(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#filling) this.#full.push(this.#filling)
    this.#filling = null
  }

  #countLater(): void {
    if (this.#countTimer || this.#closed) return
    this.#countTimer = setTimeout(() => {
      this.#counting = this.#count()
    }, countMs)
    this.#countTimer.unref()
  }

  async #count(): Promise<void> {
    const recorded = this.#recorded
    await this.#state.note({ recorded }).catch(this.#onError)
    this.#countTimer = null
    if (this.#recorded > recorded) this.#countLater()
  }

  #drainSoon(): void {
    this.flush().catch(this.#onError)
  }

  #drainLater(): void {
    if (this.#timer || this.#closed) return
    this.#timer = setTimeout(() => this.#drainSoon(), this.#flushMs)
    this.#timer.unref()
  }

  async #drain(): Promise<void> {
    try {
      await this.#writeFull()
    } catch (error) {
      // What the disk did not take waits for its next turn, whether or not more comes.
      this.#drainLater()
      throw error
    }
  }

  async #writeFull(): Promise<void> {
    for (let chunk = this.#full[0]; chunk; chunk = this.#full[0]) {
      await this.#items?.keep(chunk)
      this.#open ??= await this.#openFile()
      const group = await encodeRowGroup(this.#open.served.table.columns, chunk)
      await this.#open.served.append(group)
      this.#full.shift()
      this.#written += chunk.rows
      this.counters.rows += chunk.rows
      chunk.clear()
      if (this.#free.length < mostFree) this.#free.push(chunk)
      else this.#chunks--
      await this.#sync(this.#open)
      if (this.#written - this.#open.first >= this.#maxRows) await this.#finish()
    }
  }

  /** Notes what is on the disk, and how much was recorded. */
  async #sync({ first, served }: OpenFile): Promise<void> {
    await served.file.datasync()
    await this.#state.note({ first, bytes: served.bytes, written: this.#written, recorded: this.#recorded })
  }

  async #openFile(): Promise<OpenFile> {
    const first = this.#written
    const path = this.#directory.partPath(first)
    const served = await ParquetFile.begin(await open(path, 'w', fileMode), this.#table)
    // Again and again, until it is finished.
    const timer = setInterval(() => this.rotate().catch(this.#onError), this.#maxAgeMs)
    timer.unref()
    return { path, first, served, timer }
  }

  async #finish(): Promise<void> {
    if (!this.#open) return
    const { path, first, served, timer } = this.#open
    await served.end()
    await served.file.datasync()
    await this.#directory.finish(path, first, this.#written)
    clearInterval(timer)
    this.#open = null
    await served.file.close()
    this.#items?.retry()
    this.counters.files++
  }

  async #recover(): Promise<void> {
    const progress = this.#state.state
    for (const { path, first } of await this.#directory.leftovers()) {
      const known = progress.first === first ? progress : null
      const served = await ParquetFile.resume(path, known?.bytes ?? Number.POSITIVE_INFINITY, knownTables)
      try {
        if (served.rows === 0) {
          await rm(path)
          continue
        }
        await served.end()
        await served.file.datasync()
        // Rows of users forgotten meanwhile count as written.
        await this.#directory.finish(path, first, Math.max(known?.written ?? 0, first + served.rows))
      } finally {
        await served.file.close()
      }
    }
    const files = await this.#directory.files()
    this.counters.files = files.length
    // Files that were moved away were written, too.
    const written = Math.max(files.at(-1)?.end ?? 0, progress.written)
    this.counters.lost = Math.max(0, progress.recorded - written)
    this.#recorded = written + this.counters.lost
    this.#written = this.#recorded
    // So that what was lost is reported once.
    if (this.#written === progress.written) return
    await this.#state.note({ first: null, bytes: 0, written: this.#written, recorded: this.#recorded })
  }

  async #forget(user: string): Promise<readonly Removal[]> {
    this.#fillNext()
    await this.#drain()
    let count = 0
    for (const { path } of await this.#directory.files()) count += await removeUser(this.#directory, path, user)
    const into = this.#open
    const removed = into ? await removeUser(this.#directory, into.path, user, into.served) : 0
    if (into && removed > 0) {
      await into.served.file.close()
      into.served = await ParquetFile.resume(into.path, Number.POSITIVE_INFINITY, knownTables)
      await this.#sync(into)
    }
    count += removed
    return count === 0 ? [] : [{ what: 'served row', count }]
  }
}

/** @throws LogDirectoryError */
export function openServedLog(options: ServedLogOptions): Promise<ServedLog> {
  return ServedLog.open(options)
}
