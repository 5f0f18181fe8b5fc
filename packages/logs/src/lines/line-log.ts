/**
 * Lines of JSON, durable once `append` resolves: appends that come while the disk is at work share its next sync (group
 * commit). Files are finished by rows or age; one that a crash left behind is gone on with, its torn end cut off.
 */
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { LogReadError, LogWriteError } from '@headwater/pooling'
import { type ForgetHolder, fileIdentity, identityIn, type Removal } from '@headwater/store'
import { LogFormatError, LogLossError } from '../directory/errors.ts'
import { Exclusive } from '../directory/exclusive.ts'
import { fileMode, LogDirectory, type LogFile, type LogFileOptions } from '../directory/log-directory.ts'
import { type FileLength, FileLengths, nothing } from './file-lengths.ts'
import { blocksOf, countLines, linesOf, removeLines, surveyLines, wholeLines, writeAll } from './line-blocks.ts'

export interface LineLogOptions extends LogFileOptions {
  readonly directory: string
  /** Whose users they are. */
  readonly tenant: string
  /**
   * Called with the error where a file could not be finished; lines stay in it, and it is tried again. Called with a
   * `LogLossError` where files are shorter at the start than they were.
   */
  readonly onError?: (error: unknown) => void
}

/** What a kind of log says of its lines. */
export interface LineKind {
  /** Of file names. */
  readonly prefix: string
  /** For the receipt of who was forgotten: the log, and one line of it. */
  readonly where: string
  readonly what: string
  /** Key of a line's user. */
  readonly user: string
  /** What tells a line from all others, where it has an id. Absent: no line has. */
  identity?(line: Record<string, unknown>): string | null
}

export type LineLogCounters = LineLog['counters']

export interface IdentifiedLine {
  readonly line: string
  /** What tells it from all others, null where nothing does. */
  readonly identity: string | null
}

interface Waiting {
  readonly lines: readonly IdentifiedLine[]
  /** Whether each line is to be written still. */
  readonly wanted: (() => Promise<readonly boolean[]>) | undefined
  resolve(): void
  reject(error: unknown): void
}

interface OpenFile {
  readonly path: string
  readonly first: number
  readonly file: FileHandle
  /** Of the file, by which it is found at its path again. */
  readonly identity: string
  rows: number
  bytes: number
  readonly identities: Set<string>
  readonly timer: NodeJS.Timeout
}

/** A file that is shorter than it was, and the rows that are missing. */
interface ShortFile {
  readonly path: string
  readonly rows: number
}

const defaultRows = 200_000
const defaultAgeMs = 600_000
/** Written to learn whether a full disk has room again. */
const probeBytes = 4096

/** An open log of lines, whatever they say. */
export type OpenLog = Pick<LineLog, 'holder' | 'checkWritable' | 'rotate' | 'close'> & {
  readonly counters: Readonly<LineLogCounters>
}

export function openLogOf(log: LineLog): OpenLog {
  const { counters, holder } = log
  return {
    counters,
    holder,
    checkWritable: () => log.checkWritable(),
    rotate: () => log.rotate(),
    close: () => log.close(),
  }
}

export class LineLog {
  readonly counters = {
    /** Written and durable. */
    rows: 0,
    /** Left out, as their file has them, or the one before it. */
    repeated: 0,
    /** Finished files. */
    files: 0,
    /** Given in appends that failed. */
    failed: 0,
    /** Acknowledged before the start, and not in their files any more. */
    lost: 0,
  }
  /** Writes files anew without a user's lines. Those that name no user stay. */
  readonly holder: ForgetHolder
  readonly #kind: LineKind
  readonly #directory: LogDirectory
  readonly #lengths: FileLengths
  readonly #maxRows: number
  readonly #maxAgeMs: number
  readonly #onError: (error: unknown) => void
  readonly #exclusive = new Exclusive()
  #waiting: Waiting[] = []
  #open: OpenFile | null = null
  /** Whether the last append failed. */
  #isFailing = false
  /** Of the next file. */
  #first = 0
  /** Of the file that was finished last. */
  #finished: ReadonlySet<string> = new Set()
  #closed = false

  private constructor(options: LineLogOptions, kind: LineKind, directory: LogDirectory, lengths: FileLengths) {
    const { tenant } = options
    this.#kind = kind
    this.#directory = directory
    this.#lengths = lengths
    this.#maxRows = options.maxRows ?? defaultRows
    this.#maxAgeMs = options.maxAgeMs ?? defaultAgeMs
    this.#onError = options.onError ?? (() => {})
    this.holder = {
      where: kind.where,
      forget: async (of, user) => (of === tenant ? this.#exclusive.run(() => this.#forget(user)) : []),
    }
  }

  /** @throws LogDirectoryError, LogFormatError */
  static async open(options: LineLogOptions, kind: LineKind): Promise<LineLog> {
    const { maxRows, maxAgeMs, keepFiles, maxBytes } = options
    const limits = { maxRows, maxAgeMs, keepFiles, maxBytes }
    const directory = new LogDirectory(options.directory, kind.prefix, 'jsonl', limits)
    let lengths: FileLengths | null = null
    try {
      lengths = await FileLengths.open(directory, kind.prefix)
      const log = new LineLog(options, kind, directory, lengths)
      await log.#recover()
      return log
    } catch (error) {
      await lengths?.close()
      directory.release()
      throw error
    }
  }

  /**
   * Resolves once the lines are on the disk.
   *
   * @param wanted asked just before they are written, with no forgetting in between: whether each is to be
   * @throws LogWriteError, or what `wanted` throws, with none of them acknowledged
   */
  append(lines: readonly IdentifiedLine[], wanted?: () => Promise<readonly boolean[]>): Promise<void> {
    if (this.#closed) return Promise.reject(new LogWriteError(`the ${this.#kind.where} is closed`))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lines, wanted, resolve, reject })
      if (this.#waiting.length === 1) void this.#exclusive.run(() => this.#commit())
    })
  }

  /**
   * Gives the lines that were written last, the oldest first, a block at a time.
   *
   * @param most how many are wanted; those before them in their file are given too
   * @throws LogReadError
   */
  async recent(most: number, take: (lines: readonly string[]) => void): Promise<void> {
    try {
      await this.#exclusive.run(() => this.#recent(most, take))
    } catch (cause) {
      const where = `the ${this.#kind.where} in ${this.#directory.path}`
      throw new LogReadError(`${where} cannot be read: ${(cause as Error).message}`, { cause })
    }
  }

  async #recent(most: number, take: (lines: readonly string[]) => void): Promise<void> {
    const paths: string[] = []
    let rows = 0
    if (this.#open) {
      paths.push(this.#open.path)
      rows += this.#open.rows
    }
    for (const { path, first, end } of [...(await this.#directory.files())].reverse()) {
      if (rows >= most) break
      paths.push(path)
      rows += end - first
    }
    for (const path of paths.reverse()) for await (const block of blocksOf(path)) take(linesOf(block))
  }

  /**
   * Resolves where nothing is known to keep lines from the disk: the directory and the open file are in place, and after an
   * append that failed a block can be written.
   *
   * @throws LogWriteError
   */
  checkWritable(): Promise<void> {
    return this.#exclusive.run(async () => {
      try {
        const into = this.#open
        if (into === null) this.#directory.checkInPlace()
        else this.#checkInPlace(into)
        if (!this.#isFailing) return
        this.#open ??= await this.#openFile(this.#first, null)
        const { file, bytes } = this.#open
        await writeAll(file, Buffer.alloc(probeBytes), bytes)
        await file.datasync()
        await file.truncate(bytes)
        this.#isFailing = false
      } catch (cause) {
        throw this.#writeError(cause)
      }
    })
  }

  #checkInPlace({ path, identity }: OpenFile): void {
    if (fileIdentity(path) === identity) return
    throw new Error(
      'its file was removed, replaced, or its disk is away; put back the directory that was there, or restart the service',
    )
  }

  #writeError(cause: unknown): LogWriteError {
    const where = `the ${this.#kind.where} in ${this.#directory.path}`
    return new LogWriteError(`${where} cannot be written: ${(cause as Error).message}`, { cause })
  }

  /** Finishes the open file, so that its readers see it. */
  rotate(): Promise<void> {
    return this.#exclusive.run(() => this.#finish())
  }

  /** Writes what was given, finishes the open file and gives the directory back. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.#exclusive.run(async () => {
        await this.#finish()
        await this.#abandon()
      })
    } finally {
      await this.#lengths.close()
      this.#directory.release()
    }
  }

  async #commit(): Promise<void> {
    const given = this.#waiting
    this.#waiting = []
    const waiting = await this.#wanted(given)
    if (waiting.length === 0) return
    const { counters } = this
    const fresh = new Set<string>()
    const lines: string[] = []
    let repeated = 0
    try {
      this.#open ??= await this.#openFile(this.#first, null)
      const into = this.#open
      for (const { line, identity } of waiting.flatMap((each) => each.lines)) {
        if (identity !== null && [this.#finished, into.identities, fresh].some((known) => known.has(identity))) {
          repeated++
          continue
        }
        if (identity !== null) fresh.add(identity)
        lines.push(line)
      }
      if (lines.length > 0) {
        const bytes = Buffer.from(`${lines.join('\n')}\n`)
        await writeAll(into.file, bytes, into.bytes)
        await into.file.datasync()
        this.#checkInPlace(into)
        into.bytes += bytes.length
        into.rows += lines.length
        for (const identity of fresh) into.identities.add(identity)
        await this.#lengths.noteOpen(into.first, into).catch(this.#onError)
      }
    } catch (cause) {
      counters.failed += waiting.reduce((sum, { lines }) => sum + lines.length, 0)
      // What was written of them is written over, or cut off when the file is finished.
      await this.#open?.file.truncate(this.#open.bytes).catch(() => {})
      this.#isFailing = true
      const error = this.#writeError(cause)
      for (const { reject } of waiting) reject(error)
      return
    }
    this.#isFailing = false
    counters.rows += lines.length
    counters.repeated += repeated
    for (const { resolve } of waiting) resolve()
    if (this.#open.rows >= this.#maxRows) await this.#finish().catch(this.#onError)
  }

  /** What was given without the lines that are not to be written any more. */
  async #wanted(given: readonly Waiting[]): Promise<readonly Waiting[]> {
    const asked = given.map(async (each) => {
      if (each.wanted === undefined) return [each]
      try {
        const wanted = await each.wanted()
        return [{ ...each, lines: each.lines.filter((_, i) => wanted[i]) }]
      } catch (error) {
        this.counters.failed += each.lines.length
        each.reject(error)
        return []
      }
    })
    return (await Promise.all(asked)).flat()
  }

  async #openFile(first: number, found: Awaited<ReturnType<typeof wholeLines>> | null): Promise<OpenFile> {
    this.#directory.checkInPlace()
    const path = this.#directory.partPath(first)
    const file = await open(path, found ? 'r+' : 'w+', fileMode)
    let identity: string
    try {
      identity = identityIn(await file.stat({ bigint: true }))
      if (found) await file.truncate(found.bytes)
      await this.#directory.sync()
    } catch (error) {
      await file.close()
      throw error
    }
    // Again and again, until it is finished.
    const timer = setInterval(() => this.rotate().catch(this.#onError), this.#maxAgeMs)
    timer.unref()
    const { bytes, lines } = found ?? { bytes: 0, lines: [] }
    return { path, first, file, identity, rows: lines.length, bytes, identities: this.#identitiesIn(lines), timer }
  }

  #identitiesIn(lines: readonly string[]): Set<string> {
    const identities = new Set<string>()
    if (this.#kind.identity === undefined) return identities
    for (const line of lines) {
      const identity = this.#kind.identity(JSON.parse(line))
      if (identity !== null) identities.add(identity)
    }
    return identities
  }

  /** Notes what the file has that was finished last. */
  async #recall(files: readonly LogFile[]): Promise<void> {
    const last = files.at(-1)
    if (last !== undefined && this.#kind.identity)
      this.#finished = this.#identitiesIn((await wholeLines(last.path)).lines)
  }

  async #finish(): Promise<void> {
    const into = this.#open
    if (!into || into.rows === 0) return
    clearInterval(into.timer)
    const end = into.first + into.rows
    await into.file.truncate(into.bytes)
    await into.file.datasync()
    await this.#lengths.noteFinished([[into.first, into]])
    await this.#directory.finish(into.path, into.first, end)
    await into.file.close()
    this.counters.files++
    this.#first = end
    this.#finished = into.identities
    this.#open = null
    await this.#lengths.noteOpen(end, nothing)
  }

  /** Lets go of a file into which nothing was written. */
  async #abandon(): Promise<void> {
    if (!this.#open) return
    clearInterval(this.#open.timer)
    await this.#open.file.close()
    await rm(this.#open.path, { force: true })
  }

  async #recover(): Promise<void> {
    const files = await this.#directory.files()
    this.counters.files = files.length
    const { open } = this.#lengths
    // Files that were moved away were written, too.
    this.#first = Math.max(files.at(-1)?.end ?? 0, open.first)
    await this.#recall(files)
    const short = await this.#shortened(files)
    const leftovers = await this.#directory.leftovers()
    for (const { path, first } of leftovers) {
      await this.#finish()
      const found = await wholeLines(path)
      const known = this.#lengths.of(first)
      if (found.bytes < known.bytes) {
        if ((await stat(path)).size >= known.bytes) throw this.#damaged(path, found.bytes, known.bytes)
        short.push({ path, rows: known.rows - found.lines.length })
      }
      this.#open = await this.#openFile(first, found)
      this.#first = first
      await this.#lengths.noteOpen(first, this.#open)
    }
    if (open.rows > 0 && ![...files, ...leftovers].some(({ first }) => first === open.first))
      short.push({ path: this.#directory.partPath(open.first), rows: open.rows })
    if (this.#open === null) await this.#lengths.noteOpen(this.#first, nothing)
    if (short.length > 0) this.#tellOfLoss(short)
  }

  /** Finished files that were longer, and the rows that they had. Their new lengths are noted, so that it is told once. */
  async #shortened(files: readonly LogFile[]): Promise<ShortFile[]> {
    const short: ShortFile[] = []
    const lengths: [number, FileLength][] = []
    for (const { path, first } of files) {
      const known = this.#lengths.of(first)
      const { size: bytes } = await stat(path)
      if (bytes >= known.bytes) continue
      let rows = 0
      for await (const block of blocksOf(path)) rows += countLines(block)
      short.push({ path, rows: known.rows - rows })
      lengths.push([first, { rows, bytes }])
    }
    if (short.length > 0) await this.#lengths.noteFinished(lengths)
    return short
  }

  #damaged(path: string, bytes: number, known: number): LogFormatError {
    return new LogFormatError(
      `${path}: what begins at byte ${bytes} is no line of JSON, though all ${known} bytes were written whole; mend the line, ` +
        'or move the file away to go on without what it has',
    )
  }

  #tellOfLoss(short: readonly ShortFile[]): void {
    const rows = short.reduce((sum, each) => sum + each.rows, 0)
    this.counters.lost = rows
    const others = short.length > 1 ? ` and ${short.length - 1} more` : ''
    this.#onError(
      new LogLossError(
        `${rows} lines of the ${this.#kind.where} in ${this.#directory.path} were acknowledged and are gone: ` +
          `${basename(short[0].path)}${others} had more of them; stop, put back the whole files and start again, or go on ` +
          'without (this is told once)',
      ),
    )
  }

  async #forget(user: string): Promise<readonly Removal[]> {
    await this.#commit()
    const { user: key, what } = this.#kind
    const lengths = new Map<number, FileLength>()
    const paths: string[] = []
    let count = 0
    const files = await this.#directory.files()
    for (const { path, first } of files) {
      const left = await surveyLines(path, key, user)
      if (left.removed === 0) continue
      paths.push(path)
      lengths.set(first, left)
      count += left.removed
    }
    if (paths.length > 0) {
      await this.#lengths.noteFinished([...lengths.keys()].map((first) => [first, null]))
      for (const path of paths) await removeLines(this.#directory, path, key, user)
      await this.#lengths.noteFinished(lengths)
      // One who comes back is somebody new, under whatever ids.
      await this.#recall(files)
    }
    const into = this.#open
    const left = into && (await surveyLines(into.path, key, user))
    if (into && left && left.removed > 0) {
      await this.#lengths.noteOpen(into.first, left)
      await removeLines(this.#directory, into.path, key, user)
      clearInterval(into.timer)
      await into.file.close()
      this.#open = await this.#openFile(into.first, await wholeLines(into.path))
      count += left.removed
    }
    return count === 0 ? [] : [{ what, count }]
  }
}
