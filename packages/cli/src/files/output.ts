import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { userPath } from './paths.ts'

/** Output cannot be written to the place that was named. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}

/** Null where nothing is there, or the path goes through a file or a locked directory. */
function isDirectory(path: string): boolean | null {
  try {
    return statSync(path).isDirectory()
  } catch {
    return null
  }
}

function unwritable(what: string, cause: unknown): OutputError {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
  return new OutputError(`${what} cannot be written (${reason}); choose another place.`, { cause })
}

/** The path of a file that an option names; checks, before any work is done, that it can be written. @throws OutputError */
export function outputFile(option: string, file: string): string {
  const path = userPath(file)
  if (isDirectory(path)) throw new OutputError(`${option}: ${path} is a directory; name a file.`)
  const directory = dirname(path)
  if (isDirectory(directory) !== true)
    throw new OutputError(`${option}: there is no directory ${directory}; make it first.`)
  try {
    accessSync(directory, constants.W_OK)
  } catch (cause) {
    throw unwritable(`${option}: ${directory}`, cause)
  }
  return path
}

/** Writes files of one result: all beside their places, then renamed, so that a full disk leaves what was there. @throws OutputError */
export function writeOutputFiles(files: ReadonlyMap<string, string | Uint8Array>): void {
  const partial = (path: string) => `${path}.${process.pid}.partial`
  try {
    for (const [path, contents] of files) writeFileSync(partial(path), contents)
    for (const path of files.keys()) renameSync(partial(path), path)
  } catch (cause) {
    for (const path of files.keys()) rmSync(partial(path), { force: true })
    throw unwritable([...files.keys()].join(' and '), cause)
  }
}

/** Where a job keeps its files: the user's directory, or a temporary one. */
export interface OutputDirectory {
  readonly path: string
  /** Removes a temporary directory, and a directory that was made for the job where it is still empty. */
  release(): void
}

/** @param directory the user's `--out`, which must be empty or not be there. @throws OutputError */
export function openOutputDirectory(directory: string | undefined): OutputDirectory {
  if (directory === undefined) {
    const temporary = mkdtempSync(join(tmpdir(), 'headwater-run-'))
    return { path: temporary, release: () => rmSync(temporary, { recursive: true, force: true }) }
  }
  const opened = openKeptDirectory(directory)
  if (readdirSync(opened.path).length > 0)
    throw new OutputError(`--out: ${opened.path} is not empty; name a new directory, or empty it.`)
  return opened
}

/** Opens the user's `--out`, which may hold what an earlier run left there. @throws OutputError */
export function openKeptDirectory(directory: string): OutputDirectory {
  const path = userPath(directory)
  if (isDirectory(path) === false) throw new OutputError(`--out: ${path} is a file; name a directory.`)
  try {
    const made = makeDirectory(path)
    accessSync(path, constants.W_OK)
    return { path, release: () => removeEmpty(made) }
  } catch (cause) {
    throw unwritable(`--out: ${path}`, cause)
  }
}

/**
 * Makes a directory and those above it, one by one: Node 20's `recursive` never returns where the system refuses a
 * directory with an error that says that a parent is missing, as under /proc.
 * @returns what was made, innermost first
 */
function makeDirectory(path: string): string[] {
  if (isDirectory(path) !== null) return []
  const parent = dirname(path)
  const made = parent === path ? [] : makeDirectory(parent)
  try {
    mkdirSync(path)
  } catch (cause) {
    removeEmpty(made)
    throw cause
  }
  return [path, ...made]
}

/** Removes directories, innermost first, up to the first that holds something. */
function removeEmpty(directories: readonly string[]): void {
  try {
    for (const directory of directories) rmdirSync(directory)
  } catch {
    // It holds something, or another process removed it first.
  }
}
