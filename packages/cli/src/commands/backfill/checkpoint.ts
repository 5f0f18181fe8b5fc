/** How far a backfill has come, in a file of the directory that the user is in. The file is removed at the end. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { OutputError, writeOutputFiles } from '../../files/output.ts'
import { userDirectory } from '../../files/paths.ts'
import type { BackfillCounts } from './counts.ts'

export interface BackfillPlace {
  readonly atMs: number
  /** The last user that is done, in the order of keys; null: none. */
  readonly lastUser: string | null
  readonly counts: BackfillCounts
}

export class BackfillCheckpoint {
  readonly #directory = join(userDirectory(), '.headwater-backfill')
  readonly #path: string

  /** @param identity what makes a backfill the same one, as JSON */
  constructor(identity: object) {
    // The store's URL may hold a password, so the file does not.
    const digest = createHash('sha256').update(JSON.stringify(identity)).digest('hex')
    this.#path = join(this.#directory, `${digest.slice(0, 24)}.json`)
  }

  /** @throws OutputError where it is damaged */
  read(): BackfillPlace | null {
    if (!existsSync(this.#path)) return null
    try {
      return JSON.parse(readFileSync(this.#path, 'utf8')) as BackfillPlace
    } catch (cause) {
      throw new OutputError(`${this.#path} is no checkpoint; remove it, and the backfill starts anew.`, { cause })
    }
  }

  /** @throws OutputError */
  write(place: BackfillPlace): void {
    // It has a user's key.
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
    writeOutputFiles(new Map([[this.#path, JSON.stringify(place)]]))
  }

  /** Removes the file, and its directory where nothing else is in it. */
  remove(): void {
    rmSync(this.#path, { force: true })
    try {
      rmdirSync(this.#directory)
    } catch {
      // It was never made, or holds another backfill's.
    }
  }
}
