/**
 * An export: a directory of files that are whole or not there, and `export.json`, which says what they are of and how far the export
 * has come. One that was stopped goes on behind its last file.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { CommandError } from '../arguments/command-error.ts'
import { writeOutputFiles } from '../files/output.ts'
import { userPath } from '../files/paths.ts'
import { jsonText } from '../files/result.ts'

export type PartFormat = 'parquet' | 'npz'

interface Kept<Place, Begun> {
  /** What the export is of: another one does not go on with it. */
  readonly of: object
  /** When it was begun, ms since 1970. */
  readonly exportedMs: number
  /** What was found when it was begun. */
  readonly begun: Begun | null
  readonly parts: number
  readonly isDone: boolean
  readonly place: Place | null
}

export class PartDirectory<Place, Begun = null> {
  readonly path: string
  readonly #format: PartFormat
  #kept: Kept<Place, Begun>

  /** @param of a plain value @throws CommandError where another export or something else is there */
  constructor(directory: string, format: PartFormat, of: object, nowMs: number) {
    this.path = userPath(directory)
    this.#format = format
    const identity = JSON.parse(JSON.stringify({ ...of, format })) as object
    const kept = this.#read()
    if (kept === null && existsSync(this.path) && readdirSync(this.path).length > 0)
      throw new CommandError(`${this.path} is not empty and no export; name a new directory, or empty it.`)
    if (kept !== null && !isDeepStrictEqual(kept.of, identity))
      throw new CommandError(`${this.path} is another export, of ${JSON.stringify(kept.of)}; name a new directory.`)
    this.#kept = kept ?? { of: identity, exportedMs: nowMs, begun: null, parts: 0, isDone: false, place: null }
  }

  get exportedMs(): number {
    return this.#kept.exportedMs
  }

  /** Behind the last file; null where there is none. */
  get place(): Place | null {
    return this.#kept.place
  }

  get isDone(): boolean {
    return this.#kept.isDone
  }

  get parts(): number {
    return this.#kept.parts
  }

  /** What `look` found when the export was begun. */
  async begin(look: () => Promise<Begun>): Promise<Begun> {
    const begun = this.#kept.begun ?? (await look())
    this.#kept = { ...this.#kept, begun }
    return begun
  }

  /** Adds a file that `write` leaves at a path, on the disk. @param place behind it */
  async add(place: Place, write: (path: string) => Promise<void>): Promise<void> {
    mkdirSync(this.path, { recursive: true })
    const name = `part-${String(this.#kept.parts).padStart(6, '0')}.${this.#format}`
    const partial = join(this.path, `.${name}`)
    try {
      await write(partial)
      renameSync(partial, join(this.path, name))
    } catch (error) {
      rmSync(partial, { force: true })
      throw error
    }
    this.#keep({ ...this.#kept, parts: this.#kept.parts + 1, place })
  }

  /** Removes all files. */
  restart(): void {
    for (const name of existsSync(this.path) ? readdirSync(this.path) : [])
      if (/^\.?part-\d+\./.test(name)) rmSync(join(this.path, name))
    if (this.#kept.parts > 0) this.#keep({ ...this.#kept, parts: 0, place: null })
  }

  finish(place: Place): void {
    mkdirSync(this.path, { recursive: true })
    this.#keep({ ...this.#kept, isDone: true, place })
  }

  #keep(kept: Kept<Place, Begun>): void {
    this.#kept = kept
    writeOutputFiles(new Map([[join(this.path, 'export.json'), jsonText(kept)]]))
  }

  #read(): Kept<Place, Begun> | null {
    const path = join(this.path, 'export.json')
    if (!existsSync(path)) return null
    try {
      return JSON.parse(readFileSync(path, 'utf8')) as Kept<Place, Begun>
    } catch (cause) {
      throw new CommandError(`${path} is damaged; remove ${this.path}, and export again.`, { cause })
    }
  }
}
