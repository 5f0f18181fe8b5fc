export { claimDirectory, claimName } from './claims/directory-claim.ts'
export { fileIdentity, identityIn } from './claims/file-identity.ts'
export { type Driver, writeOutcome } from './drivers/driver.ts'
export { type CompactionOptions, type CompactionReport, compactLmdb } from './drivers/lmdb/compact.ts'
export { openDriver } from './drivers/open-driver.ts'
export { type TieredDriver, type TierOptions, tieredDriver } from './drivers/tiered/tiered-driver.ts'
export { type RaisedFormat, raiseFormat } from './drivers/valkey/raise-format.ts'
export type { Reply as ValkeyReply } from './drivers/valkey/request.ts'
export { type ScriptCall, ScriptRunner } from './drivers/valkey/script-runner.ts'
export type { CheckReport, StoreFault } from './operations/check.ts'
export { EmbeddingStore } from './operations/embedding-store.ts'
export {
  ForgetError,
  type ForgetHolder,
  type ForgetOptions,
  type ForgetReceipt,
  type Removal,
} from './operations/forget.ts'
export { openStore, type StoreOptions } from './operations/open-store.ts'
export { createReadBuffer, type ModelColumns, type ReadBuffer, readStatus } from './operations/read-buffer.ts'
export type {
  AppendBatch,
  EventBatch,
  EventColumns,
  ModelRead,
  ReadRequest,
  StateColumns,
  StateWrite,
} from './operations/requests.ts'
export { type AppendResult, appendOutcome } from './operations/row-outcomes.ts'
export type { RingSweep, SweepReport, SweepSlice, TombstoneSweep } from './operations/sweep.ts'
export { type Sweeper, type SweeperOptions, startSweeping } from './operations/sweeper.ts'
export { type AppendPolicy, checkPolicy } from './record/append-policy.ts'
export type { CodecName } from './record/codec/vector-codec.ts'
export type { StateKind } from './record/state-record.ts'
export { BackupAccessError, BackupDamageError } from './transfer/backup/backup-errors.ts'
export { type BackupOptions, type BackupReport, backupStore } from './transfer/backup/backup-store.ts'
export { type RestoreOptions, type RestoreReport, restoreStore } from './transfer/backup/restore-store.ts'
export { checkStoreAt, type StoreCheck } from './transfer/check-store-at.ts'
export { type CopyOptions, copyStore } from './transfer/copy-store.ts'
export {
  type ExportPlace,
  type ExportSink,
  exportVectors,
  type VectorExport,
  type VectorRows,
} from './transfer/export-vectors.ts'
export { type ModelStats, type StoreStats, storeStats, type TenantStats } from './transfer/store-stats.ts'
export type { TransferOptions, TransferStages } from './transfer/survey.ts'
export type { TransferReport } from './transfer/transfer-records.ts'
export {
  DimensionError,
  FutureTimeError,
  KeyError,
  NonFiniteVectorError,
  RequestError,
  StoreAccessError,
  StoreBindingError,
  StoreBusyError,
  StoreClosedError,
  StoreCorruptError,
  StoreError,
  StoreFormatError,
  StoreFullError,
  StoreReadOnlyError,
  StoreUnavailableError,
  StoreUrlError,
  StoreWriteError,
} from './validation/errors.ts'
export type { StoreLimits } from './validation/limits.ts'
