/** Names and numbers of a model's snapshots: one directory each, under the model's. */
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** Directory of a snapshot under the model's directory: zero-padded, so that names sort by age. */
export function snapshotDirectory(modelDirectory: string, snapshot: number): string {
  return join(modelDirectory, `snapshot-${String(snapshot).padStart(6, '0')}`)
}

/** Directories of snapshots that are being written, or were when their process was killed. */
export const publishingPattern = /^\.publishing-\d+-(\d+)$/

/** Directories of the whole snapshots under a model's directory, oldest first; none where nothing was published yet. */
export async function listSnapshots(modelDirectory: string): Promise<string[]> {
  const names = await readdir(modelDirectory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw cause
  })
  return names
    .filter((name) => /^snapshot-\d{6,}$/.test(name))
    .sort((a, b) => Number(a.slice(9)) - Number(b.slice(9)))
    .map((name) => join(modelDirectory, name))
}

/** The number in the name of a snapshot's directory. */
export function snapshotNumber(directory: string): number {
  return Number(basename(directory).slice('snapshot-'.length))
}

/** One more than the newest snapshot of a model, 1 where there is none: numbers of deleted ones are not used again. */
export async function nextSnapshotNumber(modelDirectory: string): Promise<number> {
  const newest = (await listSnapshots(modelDirectory)).at(-1)
  return newest === undefined ? 1 : snapshotNumber(newest) + 1
}
