import type { SideLayout } from '@headwater/features'
import type { EmbeddingsConfig } from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'

/** What a reader of the file alone needs to know, as `metadata_props`; lists are JSON. */
export function metadata(
  { manifest, schema }: Snapshot,
  layout: SideLayout,
  { count, width }: EmbeddingsConfig,
): Record<string, string> {
  const { snapshot, frame, dataCutoffMs } = manifest
  return {
    'headwater.snapshot': String(snapshot),
    'headwater.frame': String(frame),
    'headwater.data-cutoff-ms': String(dataCutoffMs),
    'headwater.schema': schema.name,
    'headwater.embeddings': JSON.stringify([count, width]),
    'headwater.dense': JSON.stringify(layout.dense),
    'headwater.tasks': JSON.stringify(schema.tasks.map(({ name }) => name)),
  }
}
