import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type LmdbEnvironment, openEnvironment, writeError } from './environment.ts'
import { LmdbDriver } from './lmdb-driver.ts'
import { renewClaim } from './writer-claim.ts'

/** Where a compaction writes its copy. */
export const compactionPathOf = (path: string) => join(path, 'compact')

/**
 * Opens what follows `lmdb:` in a URL: a directory, made where there is none; `?readonly` behind it reads only, beside the
 * process that writes.
 *
 * @throws StoreAccessError, StoreFormatError, StoreCorruptError, StoreBusyError, StoreFullError
 */
export async function openLmdb(target: string): Promise<LmdbDriver> {
  const suffix = '?readonly'
  const readOnly = target.endsWith(suffix)
  const path = readOnly ? target.slice(0, -suffix.length) : target
  const environment = await (readOnly ? openEnvironment(path, true) : openForWriting(path))
  return new LmdbDriver(path, environment, { readOnly, groupBytes: 2 ** 24, groupDelayMs: 2 })
}

/** Opens a store and claims it for this process. What a compaction left that was killed is removed. @throws as `openLmdb` */
export async function openForWriting(path: string): Promise<LmdbEnvironment> {
  const environment = await openEnvironment(path, false)
  const { root, meta } = environment
  try {
    root.transactionSync(() => meta.putSync('writer', renewClaim(path, meta.get('writer')) as Buffer))
    rmSync(compactionPathOf(path), { recursive: true, force: true })
  } catch (error) {
    await root.close()
    const isOfLmdb = (error as { code?: unknown }).code !== undefined
    throw isOfLmdb ? writeError(path, error as Error, 0) : error
  }
  return environment
}
