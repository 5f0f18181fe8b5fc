import { compileFeatures, type FeatureSpace } from '@headwater/features'
import { declareTower, type ModelConfig, snapshotConfig, snapshotMatrices } from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'
import { OnnxExportError } from '../graph/export-error.ts'

/** What a snapshot's towers are made of. */
export interface SnapshotTowers {
  readonly space: FeatureSpace
  readonly config: ModelConfig
  readonly matrices: Snapshot['matrices']
}

/**
 * Checks that a snapshot has every tensor of both towers.
 * @throws OnnxExportError naming the tensor that is missing or of another shape; ModelConfigError.
 */
export function snapshotTowers(snapshot: Snapshot): SnapshotTowers {
  const { directory, schema, alignment } = snapshot
  const space = compileFeatures(schema)
  const config = snapshotConfig(snapshot)
  const matrices = snapshotMatrices(snapshot)
  for (const { name, rows, cols } of declareTower(space.user, space.item, schema.tasks.length, config).set.entries()) {
    const matrix = matrices.get(name)
    if (matrix?.rows !== rows || matrix.cols !== cols)
      throw new OnnxExportError(
        `${directory}: tensor ${name} is missing or not ${rows} × ${cols}. Publish the snapshot again.`,
      )
  }
  const dim = config.embeddings.count * config.embeddings.width
  if (alignment && alignment.dim !== dim)
    throw new OnnxExportError(
      `${directory}: its alignment is ${alignment.dim} wide, its embeddings are ${dim}. Publish the snapshot again.`,
    )
  return { space, config, matrices }
}
