import { PoolingError } from '../errors.ts'

/** The encoder's process ended, hung or lost its device; it is started again, and calls may be tried again. */
export class EncoderDiedError extends PoolingError {
  override readonly name = 'EncoderDiedError'
}

/** An encoder's process that did not come up at all. */
export class EncoderStartError extends PoolingError {
  override readonly name = 'EncoderStartError'
}

/** What the encoder's process said of a call that failed there; the process goes on. */
export class EncodeError extends PoolingError {
  override readonly name = 'EncodeError'
  /** Name of the error there. */
  readonly remoteName: string

  constructor(remoteName: string, message: string) {
    super(message)
    this.remoteName = remoteName
  }
}
