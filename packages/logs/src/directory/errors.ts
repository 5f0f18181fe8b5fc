import { PoolingError } from '@headwater/pooling'

/** A log's directory that cannot be used: not writable, or another process writes there. */
export class LogDirectoryError extends PoolingError {}

/** A file of a log that is not as the log writes it. */
export class LogFormatError extends PoolingError {}

/** Lines that were acknowledged are missing at a log's start, as its files were cut short. What is left is as it was. */
export class LogLossError extends PoolingError {}
