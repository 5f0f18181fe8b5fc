export { type AffineMap, inverseAlignment } from './contents/alignment.ts'
export { forgottenUsers, noteForgotten } from './contents/forgotten-users.ts'
export { type EmbeddingLayout, ItemVectors } from './contents/item-vectors.ts'
export type {
  AlignmentMethod,
  ExternalTower,
  ForwardFigures,
  ForwardTask,
  ItemFigures,
  PanelFigures,
  PublicationRecord,
  SnapshotManifest,
  Verdict,
} from './contents/manifest.ts'
export { panelUserHash, panelUserText } from './contents/panel-file.ts'
export { decodeSnapshot } from './directory/decode-snapshot.ts'
export { forgetInPanel, panelsUnderWay, snapshotsWith } from './directory/forget-in-panels.ts'
export { listSnapshots, nextSnapshotNumber, snapshotDirectory, snapshotNumber } from './directory/list-snapshots.ts'
export { publishSnapshot, type SnapshotExtras, type TowerFile } from './directory/publish-snapshot.ts'
export { itemArchive, type PublishedItems, readItems } from './directory/read-items.ts'
export { type Panel, readManifest, readPanel, readSnapshot, snapshotDigest } from './directory/read-snapshot.ts'
export type { Snapshot } from './directory/snapshot.ts'
export { checksumFile, towerFileName, towerFolder } from './files/checksums.ts'
export { contentDigest } from './files/digests.ts'
export { removeLeftovers, syncDirectory } from './files/durable-files.ts'
export { type NpyArray, npz } from './files/npz.ts'
export { decodeSafetensors, encodeSafetensors, type NamedMatrix, SafetensorsError } from './files/safetensors.ts'
export { SnapshotError } from './files/snapshot-error.ts'
export { checkSchemaChange, type SchemaChange, SchemaChangeError, schemaChanges } from './schema/schema-change.ts'
export {
  existingSnapshot,
  promoteSnapshot,
  readServedSnapshot,
  rollbackSnapshot,
  type ServedEntry,
  ServedSnapshotError,
  servedHistory,
  servedSnapshot,
  servedSnapshotDirectory,
  serveSnapshot,
} from './served/served.ts'
