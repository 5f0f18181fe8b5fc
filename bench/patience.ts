const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Share of the expected time that is slept through. */
const slept = 0.8

/**
 * Times submitted work without disturbing it. Dawn polls while a promise is pending, which costs a software adapter one
 * of its cores, so most of the expected time is slept through. Who sleeps too long learns nothing, so then the
 * expectation is lowered and the measurement void.
 */
export class Patience {
  #expectedMs = 0

  /** What the fastest measurement took. */
  get expectedMs(): number {
    return this.#expectedMs
  }

  /**
   * Waits for all that was submitted to a queue.
   * @param startMs when its encoding began, by `performance.now()`.
   * @returns milliseconds since then, or undefined where the work was done before it was looked at.
   */
  async wait(queue: GPUQueue, startMs: number): Promise<number | undefined> {
    const restMs = this.#expectedMs * slept - (performance.now() - startMs)
    if (restMs > 1) await sleep(restMs)
    const awakeMs = performance.now()
    await queue.onSubmittedWorkDone()
    const endMs = performance.now()
    const tookMs = endMs - startMs
    if (restMs > 1 && endMs - awakeMs < Math.max(0.3, 0.05 * tookMs)) {
      this.#expectedMs = tookMs * slept
      return undefined
    }
    this.#expectedMs = this.#expectedMs === 0 ? tookMs : Math.min(this.#expectedMs, tookMs)
    return tookMs
  }
}
