/** Base of every error that pooling throws on purpose. */
export class PoolingError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Options, models or encoders that do not fit together. */
export class PoolingConfigError extends PoolingError {}

export class UnknownModelError extends PoolingError {
  constructor(model: string, declared: Iterable<string>) {
    super(`model "${model}" is not declared; declared are: ${[...declared].join(', ')}`)
  }
}

/** Refreshes that failed: an encoder threw or gave an array of another size, or the store did. The rest were written. */
export class RefreshError extends PoolingError {}

/** A snapshot that cannot be served: damaged, held, of another shape, or its vectors are no numbers. The one before goes on. */
export class SnapshotRefusedError extends PoolingError {}

/** A snapshot that the model has not. */
export class UnknownSnapshotError extends SnapshotRefusedError {}

/** States that other writers changed each time between read and write. */
export class ContentionError extends PoolingError {}

/** A served vector that was made from what was not known strictly before the time it was served for: a leak. */
export class AsOfError extends PoolingError {}

/** The encoder's process ended, hung or lost its device; it is started again, and calls may be tried again. */
export class EncoderDiedError extends PoolingError {}

/** What was given could not be written, and is not in the log; the file is as it was before. */
export class LogWriteError extends PoolingError {}

/** What a log has cannot be read, and so it is not known what is in it. */
export class LogReadError extends PoolingError {}
