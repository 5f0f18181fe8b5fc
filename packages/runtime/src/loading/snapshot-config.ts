/** What a snapshot says of its towers. Those of the form before today's are read as if they were of today's. */
import type { Snapshot } from '@headwater/snapshot'
import { ModelConfigError } from '../config/config-error.ts'
import type { ModelConfig } from '../tower/config.ts'
import { parseModelConfig } from '../tower/config-check.ts'
import { idleTensors } from '../tower/old-form.ts'

/** The config of a snapshot's model, which its manifest keeps as it was written. @throws ModelConfigError, also for a tower that was made elsewhere */
export function snapshotConfig({ directory, manifest }: Pick<Snapshot, 'directory' | 'manifest'>): ModelConfig {
  if (manifest.external !== undefined)
    throw new ModelConfigError(
      `${directory}/manifest.json`,
      'external',
      'the tower was made elsewhere, as an ONNX model: it has no config and no weights of ours',
      'name a snapshot that Headwater trained',
    )
  return parseModelConfig(manifest.config, `${directory}/manifest.json, config`)
}

/** K embeddings of D numbers that a snapshot's tower gives, be it ours or not. @throws ModelConfigError */
export function snapshotEmbeddings(snapshot: Pick<Snapshot, 'directory' | 'manifest'>): {
  readonly count: number
  readonly width: number
} {
  return snapshot.manifest.external?.embeddings ?? snapshotConfig(snapshot).embeddings
}

/** The tensors of a snapshot's towers. @throws ModelConfigError */
export function snapshotMatrices(
  snapshot: Pick<Snapshot, 'directory' | 'manifest' | 'matrices'>,
): Snapshot['matrices'] {
  const matrices = new Map(snapshot.matrices)
  for (const name of idleTensors(snapshotConfig(snapshot))) matrices.delete(name)
  return matrices
}
