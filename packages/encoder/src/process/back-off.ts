export interface BackOffOptions {
  /** Pause before the first restart. Default 100. */
  readonly firstMs?: number
  /** Longest pause. Default 30,000. */
  readonly mostMs?: number
}

/** Pauses between restarts: each about twice the one before, spread so that many processes do not restart as one. */
export class BackOff {
  readonly #firstMs: number
  readonly #mostMs: number
  #restarts = 0

  constructor({ firstMs = 100, mostMs = 30_000 }: BackOffOptions = {}) {
    if (!(firstMs > 0 && mostMs >= firstMs && Number.isFinite(mostMs)))
      throw new RangeError(
        `pauses of ${firstMs} to ${mostMs} ms are none; give a first over 0 and a longest no shorter`,
      )
    this.#firstMs = firstMs
    this.#mostMs = mostMs
  }

  /**
   * @param upMs time that the process had been up; after as long as the longest pause, it counts as sound again
   * @returns the pause before the next restart, half to all of its bound
   */
  nextMs(upMs: number): number {
    if (upMs >= this.#mostMs) this.#restarts = 0
    const boundMs = Math.min(this.#mostMs, this.#firstMs * 2 ** this.#restarts++)
    return boundMs * (0.5 + 0.5 * Math.random())
  }
}
