/** Reads a snapshot in a browser, by its URL. */
import { SnapshotError } from '../files/snapshot-error.ts'
import { snapshotOf } from './decode-snapshot.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * Reads a snapshot whole, but for its panel, which are rows of other users and need not be on the server, and checks every
 * file against its checksum.
 * @param directory URL of the snapshot's directory, absolute or from the page on
 * @throws SnapshotError for a file that is not served, another format or a checksum that does not match; SafetensorsError or
 * SchemaError where a file with the right checksum is not what it should be.
 */
export async function readSnapshot(directory: string): Promise<Snapshot> {
  const place = directory.replace(/\/+$/, '')
  return snapshotOf(place, async (name) => {
    const url = `${place}/${name}`
    const response = await fetch(url).catch((cause: unknown) => {
      throw new SnapshotError(
        `${url} cannot be loaded: look at the network and at what the server lets this page read.`,
        { cause },
      )
    })
    if (!response.ok)
      throw new SnapshotError(
        `${place} is no whole snapshot: ${name} is answered ${response.status}. Put all its files there.`,
      )
    return new Uint8Array(await response.arrayBuffer())
  })
}
