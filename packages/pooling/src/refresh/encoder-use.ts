import type { Encoder } from '../contracts/encoder.ts'
import type { Encoders } from './row-batch.ts'

/** Which encoders are published or have work that waits or runs, so that one that has none can be let go of. */
export class EncoderUse {
  readonly #uses = new Map<Encoders, number>()
  #waiting: { readonly encoder: Encoder; readonly resolve: () => void }[] = []

  begin(encoders: Encoders): void {
    this.#uses.set(encoders, (this.#uses.get(encoders) ?? 0) + 1)
  }

  end(encoders: Encoders): void {
    const uses = this.#uses.get(encoders)! - 1
    if (uses > 0) {
      this.#uses.set(encoders, uses)
      return
    }
    this.#uses.delete(encoders)
    this.#waiting = this.#waiting.filter(({ encoder, resolve }) => {
      const isUsed = this.#isUsed(encoder)
      if (!isUsed) resolve()
      return isUsed
    })
  }

  /** Resolves once an encoder is in no use. */
  released(encoder: Encoder): Promise<void> {
    if (!this.#isUsed(encoder)) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ encoder, resolve }))
  }

  #isUsed(encoder: Encoder): boolean {
    for (const encoders of this.#uses.keys()) for (const each of encoders.values()) if (each === encoder) return true
    return false
  }
}
