import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { panelFile } from '../files/checksums.ts'
import { mismatch, readChecked, unreadable, withPanelSum } from './read-snapshot.ts'

/** Bytes that are hashed in one turn of the event loop: less than a millisecond's work. */
const pieceBytes = 2 ** 18

/**
 * Checks that a snapshot's files are those that were published, a piece at a time, so that a process that serves goes on
 * meanwhile. What they hold is not looked at.
 * @throws SnapshotError for a missing file, another format or a checksum that does not match
 */
export async function checkSnapshot(directory: string): Promise<void> {
  const { sums } = await readChecked(directory)
  for (const [name, sum] of sums) if (name !== panelFile) await checkFile(directory, name, sum)
  await withPanelSum(directory, sums.get(panelFile), (sum) => checkFile(directory, panelFile, sum))
}

async function checkFile(directory: string, name: string, sum: string): Promise<void> {
  const hash = createHash('sha256')
  try {
    const pieces = createReadStream(join(directory, name), { highWaterMark: pieceBytes })
    for await (const piece of pieces) hash.update(piece)
  } catch (cause) {
    throw unreadable(directory, name, cause)
  }
  if (hash.digest('hex') !== sum) throw mismatch(directory, name)
}
