/** Base of every error that pooling throws on purpose. */
export class PoolingError extends Error {
  override name = 'PoolingError'
}

/** Options, models or encoders that do not fit together. */
export class PoolingConfigError extends PoolingError {
  override name = 'PoolingConfigError'
}

/** A model that was asked for but not declared. */
export class UnknownModelError extends PoolingError {
  override name = 'UnknownModelError'

  constructor(model: string, declared: Iterable<string>) {
    super(`model "${model}" is not declared; declared are: ${[...declared].join(', ')}`)
  }
}

/** Refreshes that failed: an encoder threw or gave an array of another size, or the store did. The rest landed. */
export class RefreshError extends PoolingError {
  override name = 'RefreshError'
}

/** A snapshot that cannot be served: damaged, held, of another shape, or its vectors are no numbers. The one before goes on. */
export class SnapshotRefusedError extends PoolingError {
  override name = 'SnapshotRefusedError'
}

/** A snapshot that the model has not. */
export class UnknownSnapshotError extends SnapshotRefusedError {
  override name = 'UnknownSnapshotError'
}

/** States that other writers changed each time between read and write. */
export class ContentionError extends PoolingError {
  override name = 'ContentionError'
}

/** A served vector that was made from what was not known strictly before the time it was served for: a leak. */
export class AsOfError extends PoolingError {
  override name = 'AsOfError'
}

/** The encoder's process ended, hung or lost its device; it is started again, and calls may be tried again. */
export class EncoderDiedError extends PoolingError {
  override readonly name = 'EncoderDiedError'
}

/** What was given could not be written, and is not in the log; the file is as it was before. */
export class LogWriteError extends PoolingError {
  override name = 'LogWriteError'
}

/** What a log has cannot be read, and so it is not known what is in it. */
export class LogReadError extends PoolingError {
  override name = 'LogReadError'
}
