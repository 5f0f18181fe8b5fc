import { PoolingError } from '../errors.ts'

/** A log's directory that cannot be used: not writable, or another process writes there. */
export class LogDirectoryError extends PoolingError {
  override name = 'LogDirectoryError'
}

/** What was given could not be written, and is not in the log; the file is as it was before. */
export class LogWriteError extends PoolingError {
  override name = 'LogWriteError'
}

/** A file of a log that is not as the log writes it. */
export class LogFormatError extends PoolingError {
  override name = 'LogFormatError'
}

/** What a log has cannot be read, and so it is not known what is in it. */
export class LogReadError extends PoolingError {
  override name = 'LogReadError'
}
