export { floatToHalf, halfToFloat } from './codec/half.ts'
export {
  KeyError,
  NonFiniteVectorError,
  RequestError,
  StoreAccessError,
  StoreBusyError,
  StoreClosedError,
  StoreCorruptError,
  StoreError,
  StoreFormatError,
  StoreUrlError,
  StoreWriteError,
} from './errors.ts'
export { openStore, type StoreOptions } from './open-store.ts'
export { createReadBuffer, type ModelColumns, type ReadBuffer, readStatus } from './read-buffer.ts'
export type { AppendPolicy } from './ring.ts'
export type { StateKind } from './state-record.ts'
export {
  type AppendBatch,
  type AppendResult,
  appendOutcome,
  type CheckReport,
  type EmbeddingStore,
  type ForgetReceipt,
  type ModelRead,
  type ReadRequest,
  type StateColumns,
  type StateWrite,
} from './store.ts'
export { weightedAverage } from './vectors/weighted-average.ts'
