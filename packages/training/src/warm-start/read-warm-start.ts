import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readServedSnapshot, readSnapshot, type Snapshot } from '@headwater/snapshot'

/**
 * Reads the snapshot that a directory is, or of a model's directory the one that it serves.
 * @throws as `readSnapshot` and `readServedSnapshot`
 */
export function readWarmStart(directory: string): Promise<Snapshot> {
  return existsSync(join(directory, 'manifest.json')) ? readSnapshot(directory) : readServedSnapshot(directory)
}
