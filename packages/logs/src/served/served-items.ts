/** Item vectors of the snapshots that served rows name, an archive each beside the log's files: what was served stands by itself then. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogDirectory } from '../directory/log-directory.ts'
import type { ServedRows } from './served-rows.ts'

/** @returns the archive of a snapshot's item vectors, null where it publishes none */
export type ItemArchives = (model: string, snapshot: number) => Promise<Uint8Array | null>

/** Archives of a model that stay: one of a later snapshot goes with the vectors of an earlier one of its frame. */
export const mostArchives = 32

export class ServedItems {
  readonly #directory: LogDirectory
  readonly #archives: ItemArchives
  readonly #onError: (error: unknown) => void
  /** By their names: kept, or not published. */
  readonly #known = new Set<string>()
  readonly #failed = new Set<string>()

  constructor(directory: LogDirectory, archives: ItemArchives, onError: (error: unknown) => void) {
    this.#directory = directory
    this.#archives = archives
    this.#onError = onError
  }

  /** Keeps those of the snapshots that rows name and that are new. What cannot be had or written is told, and tried again after `retry`. */
  async keep({ rows, model, snapshot }: Pick<ServedRows, 'rows' | 'model' | 'snapshot'>): Promise<void> {
    for (let row = 0; row < rows; row++) {
      if (row > 0 && snapshot[row] === snapshot[row - 1] && model[row] === model[row - 1]) continue
      // 0 is that of the default.
      if (snapshot[row] === 0) continue
      const name = `${prefixOf(model[row])}${String(snapshot[row]).padStart(10, '0')}.npz`
      if (this.#known.has(name) || this.#failed.has(name)) continue
      try {
        await this.#write(name, model[row], snapshot[row])
        this.#known.add(name)
      } catch (error) {
        this.#failed.add(name)
        this.#onError(error)
      }
    }
  }

  retry(): void {
    this.#failed.clear()
  }

  async #write(name: string, model: string, snapshot: number): Promise<void> {
    const there = (await readdir(this.#directory.path)).filter((other) => isArchive(other, model)).sort()
    if (there.includes(name)) return
    const archive = await this.#archives(model, snapshot)
    if (archive === null) return
    await this.#directory.replace(join(this.#directory.path, name), async (file) => void (await file.write(archive)))
    for (const old of [...there, name].sort().slice(0, -mostArchives))
      await rm(join(this.#directory.path, old), { force: true })
  }
}

/** A model may have any name; a file may not. */
const prefixOf = (model: string) => `items-${encodeURIComponent(model)}-`

const isArchive = (name: string, model: string) =>
  name.startsWith(prefixOf(model)) && /^\d{10}\.npz$/.test(name.slice(prefixOf(model).length))
