import type { Encoder } from '../contracts/encoder.ts'
import { PoolingConfigError } from '../contracts/errors.ts'

/** How a second encoder is compared with the one that is served. */
export interface ShadowOptions {
  /** Of the computed batches, above 0 and at most 1. */
  readonly share: number
  /**
   * Called with each batch that went through both. Shape letters: R users, D width.
   *
   * @param live [R, D] of the encoder that is served
   * @param shadow [R, D] of the second one; they are written nowhere
   */
  onCompared(users: readonly string[], live: Float32Array, shadow: Float32Array): void
}

/** A second encoder of a model, and which batches it gets: a share of them, evenly spaced. */
export class Shadow {
  readonly model: string
  readonly encoder: Encoder
  readonly onCompared: ShadowOptions['onCompared']
  readonly #share: number
  #owed = 0

  /** @throws PoolingConfigError */
  constructor(model: string, encoder: Encoder, { share, onCompared }: ShadowOptions) {
    if (!(share > 0 && share <= 1)) {
      throw new PoolingConfigError(`share is ${share}; give the part of the batches, above 0 and at most 1`)
    }
    this.model = model
    this.encoder = encoder
    this.onCompared = onCompared
    this.#share = share
  }

  isNext(): boolean {
    this.#owed += this.#share
    if (this.#owed < 1) return false
    this.#owed--
    return true
  }
}
