/**
 * How long a log's files are: by it a start notices one that was cut, also where it was cut between two lines. What is noted is
 * never more than what is on the disk, whenever the process or the power ends. A file goes by its first row.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogDirectory } from '../directory/log-directory.ts'
import { StateFile } from '../directory/state-file.ts'
import { writeAll } from './line-blocks.ts'

export interface FileLength {
  readonly rows: number
  readonly bytes: number
}

type OpenLength = FileLength & { readonly first: number }

export const nothing: FileLength = { rows: 0, bytes: 0 }

export class FileLengths {
  readonly #directory: LogDirectory
  readonly #path: string
  /** Of finished files. One that is not there may have any length. */
  readonly #finished: Map<number, FileLength>
  /** Of the file that is written to, or the next one. */
  readonly #open: StateFile<OpenLength>

  private constructor(
    directory: LogDirectory,
    path: string,
    finished: Map<number, FileLength>,
    open: StateFile<OpenLength>,
  ) {
    this.#directory = directory
    this.#path = path
    this.#finished = finished
    this.#open = open
  }

  /** What cannot be read counts as nothing. */
  static async open(directory: LogDirectory, prefix: string): Promise<FileLengths> {
    const path = (name: string) => join(directory.path, `.${prefix}.${name}`)
    const open = await StateFile.open(path('state'), { first: 0, ...nothing })
    return new FileLengths(directory, path('lengths'), await readLengths(path('lengths')), open)
  }

  /** Of the file that is written to, or the next one. */
  get open(): OpenLength {
    return this.#open.state
  }

  of(first: number): FileLength {
    return (first === this.open.first ? this.open : this.#finished.get(first)) ?? nothing
  }

  /** Notes the length of the file that is written to, whose bytes are on the disk. */
  async noteOpen(first: number, { rows, bytes }: FileLength): Promise<void> {
    const grows = first === this.open.first && bytes >= this.open.bytes
    await this.#open.note({ first, rows, bytes })
    // Else what was noted before, which is too much now, might be found after a loss of power.
    if (!grows) await this.#open.sync()
  }

  /** Notes lengths of finished files; with null they may have any. */
  async noteFinished(lengths: Iterable<readonly [first: number, length: FileLength | null]>): Promise<void> {
    const there = new Set((await this.#directory.files()).map(({ first }) => first))
    for (const first of this.#finished.keys()) if (!there.has(first)) this.#finished.delete(first)
    for (const [first, length] of lengths) {
      if (length === null) this.#finished.delete(first)
      else this.#finished.set(first, { rows: length.rows, bytes: length.bytes })
    }
    const list = Buffer.from(JSON.stringify([...this.#finished]))
    await this.#directory.replace(this.#path, (file) => writeAll(file, list, null))
  }

  close(): Promise<void> {
    return this.#open.close()
  }
}

async function readLengths(path: string): Promise<Map<number, FileLength>> {
  try {
    return new Map(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return new Map()
  }
}
