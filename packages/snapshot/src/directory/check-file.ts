/** One file of a snapshot against its checksum. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { SnapshotError } from '../files/snapshot-error.ts'

/** Bytes that are hashed in one turn of the event loop: less than a millisecond's work. */
const pieceBytes = 2 ** 18

export const unreadable = (directory: string, name: string, cause: unknown) =>
  new SnapshotError(`${directory} is no whole snapshot: ${name} cannot be read. Publish it again.`, { cause })

export const mismatch = (directory: string, name: string) =>
  new SnapshotError(`${directory}: the checksum of ${name} does not match. Publish it again.`)

/** Reads a file a piece at a time, so that a process that serves goes on meanwhile. @param sum hex @throws SnapshotError */
export async function checkFile(directory: string, name: string, sum: string): Promise<void> {
  const hash = createHash('sha256')
  try {
    const pieces = createReadStream(join(directory, name), { highWaterMark: pieceBytes })
    for await (const piece of pieces) hash.update(piece)
  } catch (cause) {
    throw unreadable(directory, name, cause)
  }
  if (hash.digest('hex') !== sum) throw mismatch(directory, name)
}
