/** Item vectors of a model's snapshots, read from its directory when they are asked for. */
import type { ItemSource, ServedItems } from '@headwater/client/schemas'
import { itemArchive, type PublishedItems, readItems, readManifest, servedSnapshot } from '@headwater/snapshot'
import { existing, refusing } from './served-entry.ts'

export interface ItemTablesOptions {
  /** Of the model's snapshots. */
  readonly directory: string
  /** The snapshot that refreshes go through. Default: the one that the directory serves. */
  readonly served?: () => number
  /** Of one snapshot's item vectors: those with more are refused. Default 256 MiB. */
  readonly maxBytes?: number
}

interface KeptItems extends PublishedItems {
  /** Made when it is first asked for. */
  archive?: Uint8Array
}

/** Snapshots whose vectors stay in memory: the served one, and those that callers were given before. */
const mostKept = 3

/** A snapshot's item vectors, read once and kept while they are asked for more than others. */
export function itemTables({ directory, served, maxBytes = 2 ** 28 }: ItemTablesOptions): ItemSource {
  /** The one that was asked for last is last. */
  const kept = new Map<number, Promise<KeptItems | null>>()
  /** Of the snapshot that is served. */
  let current = { snapshot: 0, frame: 0 }

  const read = (snapshot: number) => {
    const reading =
      kept.get(snapshot) ?? existing(directory, snapshot).then((path) => refusing(readItems(path, maxBytes)))
    kept.delete(snapshot)
    kept.set(snapshot, reading)
    // What failed is tried again, and what has none is not kept for it.
    reading.then(
      (found) => found ?? kept.delete(snapshot),
      () => kept.delete(snapshot),
    )
    if (kept.size > mostKept) kept.delete(kept.keys().next().value!)
    return reading
  }
  const frameOf = async (snapshot: number) => {
    if (current.snapshot !== snapshot) {
      const { frame } = await refusing(readManifest(await existing(directory, snapshot)))
      current = { snapshot, frame }
    }
    return current.frame
  }

  return {
    async open(asked) {
      const inUse = served?.() ?? (await refusing(servedSnapshot(directory)))
      const snapshot = asked ?? inUse
      if (snapshot === null || inUse === null) return null
      const found = await read(snapshot)
      return found && servedItems(found, inUse, await frameOf(inUse))
    },
  }
}

function servedItems(published: KeptItems, servedSnapshot: number, servedFrame: number): ServedItems {
  const { snapshot, frame, digest, items } = published
  const { layout, buckets, table } = items
  return {
    ...{ snapshot, frame, servedSnapshot, servedFrame, layout, buckets, digest, table },
    read: (keys) => items.read(keys),
    archive() {
      published.archive ??= itemArchive(published)
      return published.archive
    },
  }
}
