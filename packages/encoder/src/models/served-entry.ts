/** What a model's directory served, and which of it may be served here. */

import { SnapshotRefusedError, UnknownSnapshotError } from '@headwater/pooling'
import {
  existingSnapshot,
  readManifest,
  type ServedEntry,
  ServedSnapshotError,
  SnapshotError,
  servedHistory,
  servedSnapshotDirectory,
} from '@headwater/snapshot'

/** Snapshots that are tried at a start; those before are long out of use. */
const mostTried = 10

/** Tells an entry of the history from others, those of the same snapshot included. */
export const entryKey = (entry: ServedEntry | undefined): string | undefined => JSON.stringify(entry)

/** Directory of a snapshot. @throws UnknownSnapshotError */
export function existing(modelDirectory: string, snapshot: number): Promise<string> {
  return refusing(existingSnapshot(modelDirectory, snapshot), UnknownSnapshotError)
}

/** What the directory refuses is a snapshot refused. */
export async function refusing<Result>(asked: Promise<Result>, Refused = SnapshotRefusedError): Promise<Result> {
  try {
    return await asked
  } catch (cause) {
    if (!(cause instanceof ServedSnapshotError || cause instanceof SnapshotError)) throw cause
    throw new Refused(cause.message, { cause })
  }
}

/** Directory of an entry's snapshot. @throws SnapshotRefusedError where it is not there, damaged, or held */
export async function servableDirectory(modelDirectory: string, { snapshot, by }: ServedEntry): Promise<string> {
  const directory = await existing(modelDirectory, snapshot)
  const { verdict } = await refusing(readManifest(directory))
  // A person may serve what the gate held; nothing else may.
  if (verdict.status === 'held' && by === 'gate')
    throw new SnapshotRefusedError(`snapshot ${snapshot} is held: ${verdict.reasons.join(' ')}`)
  return directory
}

export interface NewestServable<Result> {
  readonly result: Result
  /** `entryKey` of the history's last entry, where that was refused; null where it may be tried again. */
  readonly refused: string | null
}

/**
 * Tries the snapshots that a model's directory served, the newest first, until one is good: so a start ends at the snapshot
 * that was served on when a newer one was refused.
 *
 * @param tryOut a snapshot that cannot be served makes it throw
 * @param onPassedOver called with the reason why a snapshot was passed over
 * @throws ServedSnapshotError where none is served; SnapshotError for a damaged `current.json`; where none of the last 10 is
 *   good, what the newest one failed with
 */
export async function newestServable<Result>(
  modelDirectory: string,
  tryOut: (directory: string, snapshot: number) => Promise<Result>,
  onPassedOver: (why: unknown) => void,
): Promise<NewestServable<Result>> {
  // It says so where there is none.
  await servedSnapshotDirectory(modelDirectory)
  const history = await servedHistory(modelDirectory)
  const newest = history.at(-1)
  const tried = new Set<number>()
  const problems: unknown[] = []
  let refused: string | null = null
  for (const entry of history.toReversed()) {
    if (tried.has(entry.snapshot)) continue
    if (tried.size === mostTried) break
    tried.add(entry.snapshot)
    try {
      const result = await tryOut(await servableDirectory(modelDirectory, entry), entry.snapshot)
      for (const problem of problems) onPassedOver(problem)
      return { result, refused }
    } catch (cause) {
      if (entry === newest && cause instanceof SnapshotRefusedError) refused = entryKey(entry)!
      problems.push(cause)
    }
  }
  const [first, ...others] = problems
  for (const problem of others) onPassedOver(problem)
  throw first
}
