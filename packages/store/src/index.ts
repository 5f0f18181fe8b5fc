export { type AppendPolicy, checkPolicy } from './append-policy.ts'
export { BackupAccessError, BackupDamageError } from './backup/backup-errors.ts'
export { type BackupOptions, type BackupReport, backupStore, backupTombstones } from './backup/backup-store.ts'
export { type RestoreOptions, type RestoreReport, restoreStore } from './backup/restore-store.ts'
export type { CheckReport, StoreFault } from './check.ts'
export { claimDirectory } from './claims/directory-claim.ts'
export { floatToHalf, halfToFloat } from './codec/half.ts'
export type { CodecName } from './codec/vector-codec.ts'
export { type CopyOptions, copyStore } from './copy/copy-store.ts'
export { type Driver, writeOutcome } from './driver.ts'
export { DriverStore } from './driver-store.ts'
export { type CompactionOptions, type CompactionReport, compactLmdb } from './drivers/lmdb-compact.ts'
export { TieredDriver, type TierOptions } from './drivers/tiered.ts'
export { type RaisedFormat, raiseFormat } from './drivers/valkey/raise-format.ts'
export type { Reply as ValkeyReply } from './drivers/valkey/request.ts'
export { type ScriptCall, ScriptRunner } from './drivers/valkey/script-runner.ts'
export {
  DimensionError,
  FutureTimeError,
  KeyError,
  NonFiniteVectorError,
  RequestError,
  StoreAccessError,
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
} from './errors.ts'
export { ForgetError, type ForgetHolder, type ForgetOptions, type ForgetReceipt, type Removal } from './forget.ts'
export type { StoreLimits } from './limits.ts'
export { openDriver, openStore, type StoreOptions } from './open-store.ts'
export { createReadBuffer, type ModelColumns, type ReadBuffer, readStatus } from './read-buffer.ts'
export { type AppendResult, appendOutcome } from './row-outcomes.ts'
export type { StateKind } from './state-record.ts'
export type {
  AppendBatch,
  EmbeddingStore,
  EventBatch,
  EventColumns,
  ModelRead,
  ReadRequest,
  StateColumns,
  StateWrite,
} from './store.ts'
export type { RingSweep, SweepReport, SweepSlice, TombstoneSweep } from './sweep.ts'
export { Sweeper, type SweeperOptions, startSweeping } from './sweeper.ts'
export { checkStoreAt, type StoreCheck } from './transfer/check-store-at.ts'
export { type ModelStats, type StoreStats, storeStats, type TenantStats } from './transfer/store-stats.ts'
export type { TransferReport } from './transfer/transfer-records.ts'
export type { TransferOptions, TransferStages } from './transfer/transfer-stages.ts'
export { weightedAverage } from './vectors/weighted-average.ts'
