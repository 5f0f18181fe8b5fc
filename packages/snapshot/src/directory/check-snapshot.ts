import { panelFile } from '../files/checksums.ts'
import { checkFile } from './check-file.ts'
import { readChecked, withPanelSum } from './read-snapshot.ts'

/**
 * Checks that a snapshot's files are those that were published, a piece at a time. What they hold is not looked at.
 * @throws SnapshotError for a missing file, another format or a checksum that does not match
 */
export async function checkSnapshot(directory: string): Promise<void> {
  const { sums } = await readChecked(directory)
  for (const [name, sum] of sums) if (name !== panelFile) await checkFile(directory, name, sum)
  await withPanelSum(directory, sums.get(panelFile), (sum) => checkFile(directory, panelFile, sum))
}
