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

/** A place that output was to go to cannot take it. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}

/** Null where nothing is found, a path through a file or a locked directory included. */
function isDirectory(path: string): boolean | null {
  try {
    return statSync(path).isDirectory()
  } catch {
    return null
  }
}

function reason(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? String(cause)
}

/** Checks, before any work is done, that a file can be written. @throws OutputError */
export function checkOutputFile(option: string, path: string): void {
  if (isDirectory(path)) throw new OutputError(`${option}: ${path} is a directory; name a file.`)
  const directory = dirname(path)
  if (isDirectory(directory) !== true)
    throw new OutputError(`${option}: there is no directory ${directory}; make it first.`)
  try {
    accessSync(directory, constants.W_OK)
  } catch (cause) {
    throw new OutputError(`${option}: ${directory} cannot be written (${reason(cause)}); choose another place.`, {
      cause,
    })
  }
}

/** Writes a file whole or not at all. */
export function writeOutputFile(path: string, text: string): void {
  const partial = `${path}.${process.pid}.partial`
  try {
    writeFileSync(partial, text)
    renameSync(partial, path)
  } catch (cause) {
    rmSync(partial, { force: true })
    throw new OutputError(`${path} cannot be written (${reason(cause)}); choose another place.`, { cause })
  }
}

/** Where a job keeps its files: the user's directory, or a temporary one. */
export interface OutputDirectory {
  readonly path: string
  /** Removes the temporary directory, and the user's where it was made for the job and nothing is in it. */
  release(): void
}

/** @param path the user's `--out`, which must be empty or not be there. @throws OutputError */
export function openOutputDirectory(path: string | undefined): OutputDirectory {
  if (path === undefined) {
    const temporary = mkdtempSync(join(tmpdir(), 'headwater-run-'))
    return { path: temporary, release: () => rmSync(temporary, { recursive: true, force: true }) }
  }
  if (isDirectory(path) === false) throw new OutputError(`--out: ${path} is a file; name a directory.`)
  let made: readonly string[]
  try {
    made = makeDirectory(path)
    accessSync(path, constants.W_OK)
  } catch (cause) {
    throw new OutputError(`--out: ${path} cannot be written (${reason(cause)}); choose another place.`, { cause })
  }
  if (readdirSync(path).length > 0)
    throw new OutputError(`--out: ${path} is not empty; name a new directory, or empty it.`)
  return { path, release: () => removeEmpty(made) }
}

/** Makes sure of a directory that may hold what was left there before. @throws OutputError */
export function openKeptDirectory(option: string, path: string): void {
  if (isDirectory(path) === false) throw new OutputError(`${option}: ${path} is a file; name a directory.`)
  try {
    makeDirectory(path)
    accessSync(path, constants.W_OK)
  } catch (cause) {
    throw new OutputError(`${option}: ${path} cannot be written (${reason(cause)}); choose another place.`, { cause })
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
    // It holds something, or somebody else was faster.
  }
}
