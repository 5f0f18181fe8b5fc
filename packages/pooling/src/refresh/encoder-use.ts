import type { Encoder } from '../contracts/encoder.ts'
import type { Encoders } from './row-batch.ts'

/** Which encoders are published or have work that waits or runs, so that one that has none can be let go of. */
export class EncoderUse {
  readonly #uses = new Map<Encoder, number>()
  #waiting: { readonly encoder: Encoder; readonly resolve: () => void }[] = []

  begin(encoders: Encoders): void {
    for (const encoder of encoders.values()) this.#uses.set(encoder, (this.#uses.get(encoder) ?? 0) + 1)
  }

  end(encoders: Encoders): void {
    for (const encoder of encoders.values()) {
      const uses = this.#uses.get(encoder)! - 1
      if (uses > 0) this.#uses.set(encoder, uses)
      else this.#uses.delete(encoder)
    }
    for (const { encoder, resolve } of this.#waiting) if (!this.#uses.has(encoder)) resolve()
    this.#waiting = this.#waiting.filter(({ encoder }) => this.#uses.has(encoder))
  }

  /** Resolves once an encoder is in no use. */
  released(encoder: Encoder): Promise<void> {
    if (!this.#uses.has(encoder)) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ encoder, resolve }))
  }
}
