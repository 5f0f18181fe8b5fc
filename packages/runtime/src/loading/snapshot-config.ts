/** What a snapshot says of its towers. Those of the form before today's are read as if they were of today's. */
import type { Snapshot } from '@headwater/snapshot'
import type { ModelConfig } from '../tower/config.ts'
import { parseModelConfig } from '../tower/config-check.ts'
import { idleTensors } from '../tower/old-form.ts'

/** The config of a snapshot's model, which its manifest keeps as it was written. @throws ModelConfigError */
export function snapshotConfig({ directory, manifest }: Pick<Snapshot, 'directory' | 'manifest'>): ModelConfig {
  return parseModelConfig(manifest.config, `${directory}/manifest.json, config`)
}

/** The tensors of a snapshot's towers. @throws ModelConfigError */
export function snapshotMatrices(
  snapshot: Pick<Snapshot, 'directory' | 'manifest' | 'matrices'>,
): Snapshot['matrices'] {
  const matrices = new Map(snapshot.matrices)
  for (const name of idleTensors(snapshotConfig(snapshot))) matrices.delete(name)
  return matrices
}
