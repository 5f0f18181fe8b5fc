import { type Snapshot, SnapshotError } from '@headwater/snapshot'
import type { Weights } from '../parameters/weights.ts'

/**
 * Writes a snapshot's weights, in the tower's own coordinates, into those of a tower of the same layout.
 * @throws SnapshotError where a tensor is missing or of another shape; nothing is written then.
 */
export function writeWeights(weights: Weights, snapshot: Pick<Snapshot, 'directory' | 'matrices'>): void {
  const entries = weights.set.entries()
  for (const { name, rows, cols } of entries) {
    const matrix = snapshot.matrices.get(name)
    if (matrix?.rows !== rows || matrix.cols !== cols)
      throw new SnapshotError(
        `${snapshot.directory}: tensor ${name} is missing or not ${rows} × ${cols}, as its config has it. Publish it again.`,
      )
  }
  for (const { name } of entries) weights.write(name, snapshot.matrices.get(name)!.data)
}
