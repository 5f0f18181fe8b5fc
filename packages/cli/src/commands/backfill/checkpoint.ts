/** How far a backfill has come, in a file of the directory that the user is in; it goes away with the last user. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { PoolingPolicy } from '@headwater/pooling'
import { OutputError, writeOutputFiles } from '../../files/output.ts'
import { userDirectory } from '../../files/paths.ts'

/** What makes a backfill the same one. */
export interface BackfillIdentity {
  readonly store: string
  readonly tenant: string
  readonly model: string
  readonly snapshot: number
  /** As of which; null: the time at which it was begun. */
  readonly atMs: number | null
  readonly events: string | null
  readonly policy: PoolingPolicy
}

/** Numbers of users. */
export interface BackfillCounts {
  /** That were looked at. */
  users: number
  refreshed: number
  /** That the store holds newer embeddings of. */
  superseded: number
  /** Whose vectors the store refused. */
  refused: number
  /** Whose state knows of then or later, so that a vector of it would be a leak. */
  later: number
  /** Of whom nothing was known by then. */
  unknown: number
  /** Whose state is not of the snapshot's schema. */
  unreadable: number
}

export interface BackfillPlace {
  readonly atMs: number
  /** The last user that is done, in key order; null: none is. */
  readonly lastUser: string | null
  readonly counts: BackfillCounts
}

export class BackfillCheckpoint {
  readonly #directory = join(userDirectory(), '.headwater-backfill')
  readonly #path: string

  constructor(identity: BackfillIdentity) {
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
    mkdirSync(this.#directory, { recursive: true })
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
