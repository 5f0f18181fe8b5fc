/** The one thing of a published snapshot that may change: a user who is forgotten leaves its panel. */
import { existsSync } from 'node:fs'
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { holdsUser, panelUserHash, panelUserText, withoutUsers } from '../contents/panel-file.ts'
import { checksumFile, decodeChecksums, encodeSums, panelFile } from '../files/checksums.ts'
import { sha256 } from '../files/digests.ts'
import { entriesUnderWay, replaceDurably, syncDirectory } from '../files/durable-files.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { listSnapshots, publishingPattern } from './list-snapshots.ts'

/** Directories of the snapshots whose panels hold a user. Of each panel only the users' hashes are read. */
export async function snapshotsWith(modelDirectory: string, user: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const directory of await listSnapshots(modelDirectory)) {
    const file = await open(join(directory, panelFile)).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return null
      throw cause
    })
    if (file === null) continue
    try {
      if (await holdsUser(file, user)) found.push(directory)
    } finally {
      await file.close()
    }
  }
  return found
}

/**
 * Panels that are being written into snapshots that are not there yet. Their publications may have read who was forgotten
 * already; others read it later.
 */
export async function panelsUnderWay(modelDirectory: string): Promise<readonly string[]> {
  const names = await entriesUnderWay(modelDirectory, publishingPattern)
  return names.map((name) => join(modelDirectory, name, panelFile)).filter((path) => existsSync(path))
}

/**
 * Removes a user's rows from the panel of a snapshot. One process at a time may do so. The list of checksums leaves the panel
 * out while it is written anew: a process that is killed meanwhile leaves a whole snapshot without panel.
 *
 * @returns the number of rows that were removed
 * @throws SnapshotError, SafetensorsError where the snapshot is damaged
 */
export async function forgetInPanel(directory: string, user: string): Promise<number> {
  const path = join(directory, panelFile)
  const before = await readFile(path).catch((cause) => {
    throw new SnapshotError(`${path} cannot be read. Mend it or delete the snapshot.`, { cause })
  })
  const users = new Set([panelUserText(panelUserHash(user))])
  const { file, removed } = withoutUsers(new Uint8Array(before), users, path)
  if (removed === 0) return 0
  const sumsPath = join(directory, checksumFile)
  const sums = decodeChecksums(await readFile(sumsPath, 'utf8'), directory)
  sums.delete(panelFile)
  await replaceDurably(sumsPath, encodeSums(sums))
  if (file === null) {
    await rm(path)
    await syncDirectory(directory)
    return removed
  }
  await replaceDurably(path, file)
  sums.set(panelFile, sha256(file))
  await replaceDurably(sumsPath, encodeSums(sums))
  return removed
}
