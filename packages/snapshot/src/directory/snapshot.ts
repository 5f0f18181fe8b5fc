import type { Schema, SideBatch } from '@headwater/features'
import type { AffineMap } from '../contents/alignment.ts'
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
  readonly panel: SideBatch | null
}
