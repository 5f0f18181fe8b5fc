/**
 * Which snapshot of a model is served: `current.json` beside the snapshots, replaced by one rename, holds the numbers
 * that were served in their order, the present one last. One process publishes into a model's directory at a time.
 */
import { join } from 'node:path'
import { checkSnapshot } from '../directory/check-snapshot.ts'
import { listSnapshots, snapshotDirectory, snapshotNumber } from '../directory/list-snapshots.ts'
import { readManifest, readSnapshot } from '../directory/read-snapshot.ts'
import type { Snapshot } from '../directory/snapshot.ts'
import { readList, replaceList } from '../files/list-file.ts'
import { SnapshotError } from '../files/snapshot-error.ts'

/** Who decided that a snapshot is served: the gate at publication, or a person. */
export type ServedBy = 'gate' | 'promote'

export interface ServedEntry {
  readonly snapshot: number
  /** Wall clock, ms since 1970. */
  readonly sinceMs: number
  readonly by: ServedBy
}

/** No snapshot has the number, or it cannot be served as asked. */
export class ServedSnapshotError extends Error {
  override readonly name = 'ServedSnapshotError'
}

/** Older entries are dropped, so that the file stays small. */
const maxEntries = 1000

const pointerPath = (modelDirectory: string) => join(modelDirectory, 'current.json')

const isEntry = (value: unknown): value is ServedEntry => {
  const { snapshot, sinceMs, by } = (value ?? {}) as Partial<Record<keyof ServedEntry, unknown>>
  return Number.isSafeInteger(snapshot) && Number.isSafeInteger(sinceMs) && (by === 'gate' || by === 'promote')
}

const isHistory = (list: readonly unknown[]): list is readonly ServedEntry[] => list.length > 0 && list.every(isEntry)

/**
 * What was served, oldest first, the present one last; empty where nothing is. Where there is no `current.json`, every
 * snapshot that is not held was served in its turn.
 * @throws SnapshotError for a damaged `current.json`, or a damaged manifest where there is none.
 */
export async function servedHistory(modelDirectory: string): Promise<readonly ServedEntry[]> {
  const remedy = 'Remove it, and the newest published snapshot is served; then promote the one that you want.'
  return (await readList(pointerPath(modelDirectory), 'served', isHistory, remedy)) ?? impliedHistory(modelDirectory)
}

/** Every snapshot that is not held was served in its turn. */
async function impliedHistory(modelDirectory: string): Promise<readonly ServedEntry[]> {
  const served: ServedEntry[] = []
  for (const directory of await listSnapshots(modelDirectory)) {
    const { verdict, publishedMs } = await readManifest(directory)
    if (verdict.status === 'published')
      served.push({ snapshot: snapshotNumber(directory), sinceMs: publishedMs, by: 'gate' })
  }
  return served
}

/** Number of the snapshot that is served, null where none is. @throws SnapshotError for a damaged `current.json`. */
export async function servedSnapshot(modelDirectory: string): Promise<number | null> {
  return (await servedHistory(modelDirectory)).at(-1)?.snapshot ?? null
}

/** Directory of the snapshot that is served. @throws ServedSnapshotError where none is; SnapshotError for a damaged `current.json`. */
export async function servedSnapshotDirectory(modelDirectory: string): Promise<string> {
  const number = await servedSnapshot(modelDirectory)
  if (number === null)
    throw new ServedSnapshotError(
      `${modelDirectory} has no snapshot that is served; publish one, or promote a held one.`,
    )
  return snapshotDirectory(modelDirectory, number)
}

/**
 * Reads the snapshot that is served.
 * @throws ServedSnapshotError where none is; SnapshotError and others as `readSnapshot` where it is damaged.
 */
export async function readServedSnapshot(modelDirectory: string): Promise<Snapshot> {
  const directory = await servedSnapshotDirectory(modelDirectory)
  try {
    return await readSnapshot(directory)
  } catch (cause) {
    if (!(cause instanceof SnapshotError)) throw cause
    const message = `${cause.message} It is the one that is served; go back by \`headwater snapshots rollback\`.`
    throw new SnapshotError(message, { cause })
  }
}

async function replaceHistory(modelDirectory: string, served: readonly ServedEntry[]): Promise<void> {
  try {
    await replaceList(pointerPath(modelDirectory), 'served', served.slice(-maxEntries), 2)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    throw new SnapshotError(
      `${pointerPath(modelDirectory)} cannot be written (${code}): give the disk room. What was served still is.`,
      { cause },
    )
  }
}

/** Serves a snapshot from now on, after checking its files. @throws SnapshotError where it is damaged or not there. */
export async function serveSnapshot(modelDirectory: string, snapshot: number, by: ServedBy): Promise<void> {
  await checkSnapshot(snapshotDirectory(modelDirectory, snapshot))
  const history = await servedHistory(modelDirectory)
  const before = history.at(-1)?.snapshot === snapshot && by === 'gate' ? history.slice(0, -1) : history
  await replaceHistory(modelDirectory, [...before, { snapshot, sinceMs: Date.now(), by }])
}

/**
 * Serves a snapshot that a person chose.
 * @throws ServedSnapshotError for a number that is not there, one that is served already, or, without `force`, one that the
 * gate held; SnapshotError where it is damaged.
 */
export async function promoteSnapshot(modelDirectory: string, snapshot: number, force: boolean): Promise<void> {
  const directory = await existingSnapshot(modelDirectory, snapshot)
  const { verdict } = await readManifest(directory)
  if (verdict.status === 'held' && !force)
    throw new ServedSnapshotError(
      `Snapshot ${snapshot} is held: ${verdict.reasons.join(' ')} Serve it all the same with --force.`,
    )
  if ((await servedSnapshot(modelDirectory)) === snapshot)
    throw new ServedSnapshotError(`Snapshot ${snapshot} is served already; nothing to do.`)
  await serveSnapshot(modelDirectory, snapshot, 'promote')
}

/**
 * Goes back to the snapshot that was served before, or to `to`, which was served earlier; what was served since is
 * dropped from the history. @returns the number that is served now.
 * @throws ServedSnapshotError where there is nothing to go back to; SnapshotError where that one is damaged.
 */
export async function rollbackSnapshot(modelDirectory: string, to?: number): Promise<number> {
  const history = await servedHistory(modelDirectory)
  const before = history.slice(0, -1)
  const at = to === undefined ? before.length - 1 : before.findLastIndex(({ snapshot }) => snapshot === to)
  if (at < 0)
    throw new ServedSnapshotError(
      to === undefined
        ? `${modelDirectory}: nothing was served before; choose a snapshot by \`headwater snapshots promote\`.`
        : `Snapshot ${to} was not served before; choose it by \`headwater snapshots promote ${to}\`.`,
    )
  const { snapshot } = before[at]
  await checkSnapshot(await existingSnapshot(modelDirectory, snapshot))
  await replaceHistory(modelDirectory, before.slice(0, at + 1))
  return snapshot
}

/** Directory of a snapshot that must be there. @throws ServedSnapshotError naming those that are. */
export async function existingSnapshot(modelDirectory: string, snapshot: number): Promise<string> {
  const directories = await listSnapshots(modelDirectory)
  if (directories.length === 0)
    throw new ServedSnapshotError(`${modelDirectory} has no snapshots; check the path, or publish one.`)
  const directory = directories.find((path) => snapshotNumber(path) === snapshot)
  if (directory) return directory
  const [first, last] = [directories[0], directories[directories.length - 1]].map(snapshotNumber)
  throw new ServedSnapshotError(
    `${modelDirectory} has no snapshot ${snapshot}; its ${directories.length} are numbered ${first} to ${last}.`,
  )
}
