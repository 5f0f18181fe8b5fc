/**
 * Lets a share of the calls be tried again, so that a server in trouble is not met with a multiple of its load. Each call
 * earns a tenth of a try, and up to ten tries are saved.
 */
export class RetryBudget {
  static readonly #earned = 0.1
  static readonly #most = 10
  #tries = RetryBudget.#most

  earn(): void {
    this.#tries = Math.min(RetryBudget.#most, this.#tries + RetryBudget.#earned)
  }

  /** Takes a try, if one is left. */
  take(): boolean {
    if (this.#tries < 1) return false
    this.#tries--
    return true
  }
}
