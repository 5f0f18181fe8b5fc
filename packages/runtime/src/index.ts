export { declareLinear, type Epilogue, type Linear, linearBackward, linearForward } from './layers/linear.ts'
export { reluDropoutBackward } from './layers/relu.ts'
export { declareSparseInputs, SparseInputBatch, type SparseInputs } from './layers/sparse-inputs.ts'
export { type Initialization, type Parameter, ParameterSet, type Table, Weights } from './parameters.ts'
export { type Plan, Recorder } from './plan/recorder.ts'
export { columns, persistent, type Storage, type Tensor } from './plan/tensor.ts'
export { type AffineMap, AlignmentLayer } from './snapshot/alignment.ts'
export { removeLeftovers, syncDirectory } from './snapshot/durable-files.ts'
export type {
  AlignmentMethod,
  ForwardFigures,
  ForwardTask,
  PanelFigures,
  PublicationRecord,
  SnapshotManifest,
  Verdict,
} from './snapshot/manifest.ts'
export { decodeSafetensors, encodeSafetensors, type NamedMatrix, SafetensorsError } from './snapshot/safetensors.ts'
export { checkSchemaChange, type SchemaChange, SchemaChangeError, schemaChanges } from './snapshot/schema-change.ts'
export {
  existingSnapshot,
  promoteSnapshot,
  readServedSnapshot,
  rollbackSnapshot,
  type ServedEntry,
  ServedSnapshotError,
  servedHistory,
  servedSnapshot,
  serveSnapshot,
} from './snapshot/served.ts'
export {
  type LoadedTower,
  listSnapshots,
  loadUserTower,
  nextSnapshotNumber,
  publishSnapshot,
  readManifest,
  readSnapshot,
  type Snapshot,
  type SnapshotExtras,
  snapshotDirectory,
  snapshotNumber,
  writeWeights,
} from './snapshot/snapshot.ts'
export { SnapshotError } from './snapshot/snapshot-error.ts'
export { checkTowerConfig, smallTower, type TowerConfig, TowerConfigError } from './towers/config.ts'
export { interactionTensor, mixBackward, mixForward } from './towers/mix-tower.ts'
export { declareTower, type Tower } from './towers/tower.ts'
export { UserEncoder } from './towers/user-encoder.ts'
export { userBackward, userForward } from './towers/user-tower.ts'
