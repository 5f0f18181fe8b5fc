import { PoolingError } from '@headwater/pooling'

/** An encoder's process that did not come up at all. */
export class EncoderStartError extends PoolingError {}

/** What the encoder's process said of a call that failed there; the process goes on. */
export class EncodeError extends PoolingError {
  /** Name of the error there. */
  readonly remoteName: string

  constructor(remoteName: string, message: string) {
    super(message)
    this.remoteName = remoteName
  }
}
