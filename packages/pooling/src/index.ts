export { assertAsOf } from './as-of.ts'
export type { PoolingCounters } from './counters.ts'
export type { Encoder } from './encoder.ts'
export {
  AsOfError,
  ContentionError,
  PoolingConfigError,
  PoolingError,
  RefreshError,
  UnknownModelError,
} from './errors.ts'
export type { Clock, PoolingModel, PoolingOptions, PoolingPolicy } from './options.ts'
export { createPooling, type Pooling } from './pooling.ts'
export { type Refresher, type RefresherOptions, startRefreshing } from './refresher.ts'
export type { RowEncoder } from './row-encoder.ts'
export { type ServedBatch, type ServedColumns, servedStatus } from './served-batch.ts'
