import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { claimDirectory } from '../../claims/directory-claim.ts'
import { StoreBusyError } from '../../validation/errors.ts'
import type { Driver } from '../driver.ts'
import { type LmdbEnvironment, loadBinding, makeDirectory, openEnvironment, openError } from './environment.ts'
import { lmdbDriver } from './lmdb-driver.ts'

/** Where a compaction writes its copy. */
export const compactionPathOf = (path: string) => join(path, 'compact')

/**
 * Opens what follows `lmdb:` in a URL: a directory, made where there is none; `?readonly` behind it reads only, beside the
 * process that writes.
 *
 * @throws StoreBindingError, StoreAccessError, StoreFormatError, StoreCorruptError, StoreBusyError, StoreFullError
 */
export async function openLmdb(target: string): Promise<Driver> {
  const [, path, readOnly] = /^(.*?)(\?readonly)?$/s.exec(target)!
  if (readOnly !== undefined) return lmdbDriver(path, await openEnvironment(path, true), null)
  const { environment, release } = await openForWriting(path)
  return lmdbDriver(path, environment, release)
}

/**
 * Claims a store for this process and opens it. What a compaction left that was killed is removed.
 *
 * @returns the store, and what gives up the claim once it is closed
 * @throws as `openLmdb`
 */
export async function openForWriting(path: string): Promise<{ environment: LmdbEnvironment; release: () => void }> {
  await loadBinding()
  makeDirectory(path)
  const release = claim(path)
  try {
    const environment = await openEnvironment(path, false)
    try {
      rmSync(compactionPathOf(path), { recursive: true, force: true })
    } catch (error) {
      await environment.root.close()
      throw openError(path, error as Error)
    }
    return { environment, release }
  } catch (error) {
    release()
    throw error
  }
}

function claim(path: string): () => void {
  let claimed: ReturnType<typeof claimDirectory>
  try {
    claimed = claimDirectory(path)
  } catch (error) {
    throw openError(path, error as Error)
  }
  if (typeof claimed === 'number') throw new StoreBusyError(path, claimed)
  return claimed
}
