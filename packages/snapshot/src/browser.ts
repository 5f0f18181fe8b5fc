/** What a browser can do with a snapshot: read it by its URL, or from its bytes. */
export { type AffineMap, inverseAlignment } from './contents/alignment.ts'
export { type EmbeddingLayout, ItemVectors } from './contents/item-vectors.ts'
export type { SnapshotManifest } from './contents/manifest.ts'
export { decodeSnapshot } from './directory/decode-snapshot.ts'
export { readSnapshot } from './directory/fetch-snapshot.ts'
export type { Snapshot } from './directory/snapshot.ts'
export { decodeSafetensors, encodeSafetensors, type NamedMatrix, SafetensorsError } from './files/safetensors.ts'
export { SnapshotError } from './files/snapshot-error.ts'
