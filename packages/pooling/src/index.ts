export type { PoolingCounters } from './contracts/counters.ts'
export type { Encoder } from './contracts/encoder.ts'
export type { Compiling, EncoderStatus } from './contracts/encoder-status.ts'
export {
  AsOfError,
  ContentionError,
  EncoderDiedError,
  LogReadError,
  LogWriteError,
  PoolingConfigError,
  PoolingError,
  RefreshError,
  SnapshotRefusedError,
  UnknownModelError,
  UnknownSnapshotError,
} from './contracts/errors.ts'
export type { EventLog } from './contracts/event-log.ts'
export type { FailedBatch, PoolingObserver, RefreshedBatch } from './contracts/observer.ts'
export type { Outcome, OutcomeLog, OutcomeName } from './contracts/outcome.ts'
export type { RowEncoder } from './contracts/row-encoder.ts'
export { type ServedBatch, type ServedColumns, servedStatus } from './contracts/served-batch.ts'
export { userFeatures } from './ingest/ingest-state.ts'
export { partsOf } from './ingest/parts.ts'
export { sinceForgetting } from './ingest/since-forgetting.ts'
export type { Clock, PoolingModel, PoolingOptions, PoolingPolicy } from './options/options.ts'
export { createPooling, type Pooling } from './pooling/pooling.ts'
export { type Refresher, type RefresherOptions, startRefreshing } from './pooling/refresher.ts'
export { assertAsOf } from './read/as-of.ts'
export type { ReadOptions } from './read/read-options.ts'
export { askedBy, type Refresh } from './refresh/offer-queue.ts'
export type { BackfillOptions, BatchUnderWay } from './refresh/refresh-runs.ts'
export { checkEncoder } from './snapshots/check-encoder.ts'
export type { ShadowOptions } from './snapshots/shadow.ts'
