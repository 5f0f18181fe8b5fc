export { LogDirectoryError, LogFormatError, LogLossError } from './directory/errors.ts'
export type { LogFileOptions } from './directory/log-directory.ts'
export { type EventLogOptions, type OpenEventLog, openEventLog } from './lines/event-log.ts'
export type { LineLogCounters, LineLogOptions } from './lines/line-log.ts'
export { type OpenOutcomeLog, openOutcomeLog } from './lines/outcome-log.ts'
export {
  doubles,
  fixedBytes,
  microsOf,
  texts,
  textsOrNull,
  timestamps,
  unsigned,
  type Vectors,
  type VectorType,
  vectors,
} from './parquet/columns.ts'
export { writeParquet } from './parquet/write-parquet.ts'
export { readServedLog, servedFiles } from './served/read-served-log.ts'
export type { ItemArchives } from './served/served-items.ts'
export { openServedLog, type ServedLog, type ServedLogCounters, type ServedLogOptions } from './served/served-log.ts'
export { type ServedRows, vectorOffsets } from './served/served-rows.ts'
export { type AskedRow, type ServedRow, servedAsOf, servedVectors } from './served/served-vectors.ts'
