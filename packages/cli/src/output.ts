import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
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

function isDirectory(path: string): boolean | null {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? null
}

function reason(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? String(cause)
}

/** Checks, before any work is done, that a file can be written. @throws OutputError */
export function checkOutputFile(option: string, path: string): void {
  if (isDirectory(path)) throw new OutputError(`${option}: ${path} is a directory; name a file.`)
  const directory = dirname(path)
  if (isDirectory(directory) !== true)
    throw new OutputError(`${option}: the directory ${directory} does not exist; make it first.`)
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
    throw new OutputError(`${path} cannot be written (${reason(cause)}).`, { cause })
  }
}

/** Where a job keeps its files: the user's directory, or a temporary one that `release` removes. */
export interface OutputDirectory {
  readonly path: string
  release(): void
}

/** @param path the user's `--out`, which must be empty or not be there. @throws OutputError */
export function openOutputDirectory(path: string | undefined): OutputDirectory {
  if (path === undefined) {
    const temporary = mkdtempSync(join(tmpdir(), 'headwater-run-'))
    return { path: temporary, release: () => rmSync(temporary, { recursive: true, force: true }) }
  }
  if (isDirectory(path) === false) throw new OutputError(`--out: ${path} is a file; name a directory.`)
  try {
    mkdirSync(path, { recursive: true })
    accessSync(path, constants.W_OK)
  } catch (cause) {
    throw new OutputError(`--out: ${path} cannot be written (${reason(cause)}); choose another place.`, { cause })
  }
  if (readdirSync(path).length > 0)
    throw new OutputError(`--out: ${path} is not empty; name a new directory, or empty it.`)
  return { path, release: () => {} }
}
