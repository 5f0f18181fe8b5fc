import type { Schema, SideBatch } from '@headwater/features'
import type { AffineMap } from '../contents/alignment.ts'
import type { ItemVectors } from '../contents/item-vectors.ts'
import type { SnapshotManifest } from '../contents/manifest.ts'
import type { NamedMatrix } from '../files/safetensors.ts'

/** A snapshot as it was read. */
export interface Snapshot {
  readonly directory: string
  readonly manifest: SnapshotManifest
  readonly schema: Schema
  /** Weights in the tower's own coordinates. */
  readonly matrices: ReadonlyMap<string, NamedMatrix>
  /** From there to the published coordinates; null where they are the same. */
  readonly alignment: AffineMap | null
  /** Of a tower with a memory, in published coordinates; null without one, and in snapshots of earlier versions. */
  readonly items: ItemVectors | null
  readonly panel: SideBatch | null
}
