export { assertAsOf } from './as-of.ts'
export type { PoolingCounters } from './counters.ts'
export type { Encoder } from './encoder.ts'
export type { EncoderStatus } from './encoder-status.ts'
export {
  AsOfError,
  ContentionError,
  PoolingConfigError,
  PoolingError,
  RefreshError,
  SnapshotRefusedError,
  UnknownModelError,
  UnknownSnapshotError,
} from './errors.ts'
export type { EventLog } from './event-log.ts'
export { userFeatures } from './ingest-state.ts'
export type { ModelControl, PanelComparison, ShadowReport, SnapshotInfo } from './model-control.ts'
export type { FailedBatch, PoolingObserver, RefreshedBatch } from './observer.ts'
export type { Refresh } from './offer-queue.ts'
export type { Clock, PoolingModel, PoolingOptions, PoolingPolicy } from './options.ts'
export type { Outcome, OutcomeLog, OutcomeName } from './outcome.ts'
export { createPooling, type Pooling } from './pooling.ts'
export type { ReadOptions } from './read-options.ts'
export type { BackfillOptions, BatchUnderWay } from './refresh-runs.ts'
export { type Refresher, type RefresherOptions, startRefreshing } from './refresher.ts'
export type { RowEncoder } from './row-encoder.ts'
export { type ServedBatch, type ServedColumns, servedStatus } from './served-batch.ts'
export type { ShadowOptions } from './shadow.ts'
export { sinceForgetting } from './since-forgetting.ts'
