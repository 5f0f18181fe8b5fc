import type { Snapshot } from '@headwater/snapshot'
import type { ModelConfig } from '../config/config.ts'
import { parseModelConfig } from '../tower/config-schema.ts'

/** The config of a snapshot's model, which its manifest keeps as it was written. @throws ModelConfigError */
export function snapshotConfig({ directory, manifest }: Pick<Snapshot, 'directory' | 'manifest'>): ModelConfig {
  return parseModelConfig(manifest.config, `${directory}/manifest.json, config`)
}
