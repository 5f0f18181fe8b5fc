/**
 * A directory of log files. A file holds entries `first … end − 1`, counted from the log's beginning, and is named
 * `PREFIX-FIRST-END.EXTENSION`, so that names sort by age. While it is written it is `.PREFIX-FIRST.part`; it takes its name
 * in one step, once it is whole and on the disk. One process writes.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { claimDirectory, claimName } from '@headwater/store'
import { LogDirectoryError } from './errors.ts'

/** When a file is finished, by what comes first, and how long finished files stay. */
export interface LogFileOptions {
  /** Entries of a file at which it is finished. */
  readonly maxRows?: number | undefined
  /** Time from a file's first entry until it is finished. */
  readonly maxAgeMs?: number | undefined
  /** Finished files that stay; older ones are removed. Default: all. */
  readonly keepFiles?: number | undefined
  /** Bytes of all finished files; the oldest are removed beyond, but never the newest. Default: no limit. */
  readonly maxBytes?: number | undefined
}

export type LogFile = Awaited<ReturnType<LogDirectory['files']>>[number]

/** Of files that tell of users: their owner's to write, and their group's to read. */
export const fileMode = 0o640

const digits = 15

export class LogDirectory {
  readonly path: string
  readonly #prefix: string
  readonly #extension: string
  readonly #options: LogFileOptions
  readonly #whole: RegExp
  readonly #release: () => void
  /** Directories with names that were made for this one and are not on the disk yet. */
  #above: readonly string[]

  /** @throws LogDirectoryError */
  constructor(path: string, prefix: string, extension: string, options: LogFileOptions) {
    for (const [name, value] of Object.entries(options)) {
      if (value === undefined || value >= 1) continue
      throw new LogDirectoryError(`${name} is ${value}; give 1 or more`)
    }
    this.path = path
    this.#prefix = prefix
    this.#extension = extension
    this.#options = options
    this.#whole = new RegExp(`^${prefix}-(\\d{${digits}})-(\\d{${digits}})\\.${extension}$`)
    const { made, release } = claim(path)
    this.#release = release
    this.#above = made === undefined ? [] : directoriesAbove(resolve(path), resolve(made))
  }

  /** @throws Error where the directory was removed or replaced */
  checkInPlace(): void {
    // Another directory may well get the number of one that was removed; it has no claim of ours.
    if (existsSync(join(this.path, claimName(process.pid)))) return
    throw new Error(
      'the directory was removed, replaced, or its disk is away; put back the one that was there, or restart the service',
    )
  }

  /** Finished files, the oldest first. */
  async files() {
    return (await readdir(this.path)).sort().flatMap((name) => {
      const match = this.#whole.exec(name)
      return match ? [{ path: join(this.path, name), first: Number(match[1]), end: Number(match[2]) }] : []
    })
  }

  /** Files that an earlier process was writing, the oldest first. What else it left behind is removed. */
  async leftovers(): Promise<readonly { readonly path: string; readonly first: number }[]> {
    const part = new RegExp(`^\\.${this.#prefix}-(\\d{${digits}})\\.part$`)
    const found = []
    for (const name of (await readdir(this.path)).sort()) {
      const match = part.exec(name)
      if (match) found.push({ path: join(this.path, name), first: Number(match[1]) })
      else if (name.startsWith('.') && name.endsWith('.new')) await rm(join(this.path, name), { force: true })
    }
    return found
  }

  partPath(first: number): string {
    return join(this.path, `.${this.#prefix}-${padded(first)}.part`)
  }

  /** Gives a file that is on the disk its name, and removes what is beyond the limits. */
  async finish(part: string, first: number, end: number): Promise<void> {
    await rename(part, join(this.path, `${this.#prefix}-${padded(first)}-${padded(end)}.${this.#extension}`))
    await this.sync()
    await this.#retain()
  }

  /** Writes a file anew in one step: until `write` has ended, and the bytes are on the disk, the old one stays. */
  async replace(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
    const next = join(this.path, `.${this.#prefix}.new`)
    const file = await open(next, 'w', fileMode)
    try {
      await write(file)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(next, path)
    await this.sync()
  }

  /** A name is on the disk once its directory is: to be called before anything in a new file is acknowledged. */
  async sync(): Promise<void> {
    for (const path of [this.path, ...this.#above]) {
      const directory = await open(path, 'r')
      try {
        await directory.sync()
      } finally {
        await directory.close()
      }
    }
    this.#above = []
  }

  release(): void {
    this.#release()
  }

  async #retain(): Promise<void> {
    const { keepFiles = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = this.#options
    if (keepFiles === Number.POSITIVE_INFINITY && maxBytes === Number.POSITIVE_INFINITY) return
    let bytes = 0
    for (const [age, { path }] of [...(await this.files())].reverse().entries()) {
      bytes += (await stat(path)).size
      if (age > 0 && (age >= keepFiles || bytes > maxBytes)) await rm(path, { force: true })
    }
  }
}

function padded(count: number): string {
  return String(count).padStart(digits, '0')
}

/** The directories that hold a directory and those above it, up to the one that holds the topmost. */
function directoriesAbove(path: string, topmost: string): string[] {
  const above = dirname(path)
  return path === topmost || above === path ? [above] : [above, ...directoriesAbove(above, topmost)]
}

/** @returns the topmost directory that had to be made, and what gives the directory back. @throws LogDirectoryError */
function claim(path: string): { readonly made: string | undefined; readonly release: () => void } {
  let made: string | undefined
  let claimed: (() => void) | number
  try {
    made = mkdirSync(path, { recursive: true })
    claimed = claimDirectory(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new LogDirectoryError(`${path} cannot be made or written (${code}); name another directory`, { cause })
  }
  if (typeof claimed === 'function') return { made, release: claimed }
  throw new LogDirectoryError(
    `process ${claimed} writes its log into ${path}; stop it or name another directory ` +
      `(if it is another program, remove ${path}/.writer-*)`,
  )
}
