import type { GpuDevice } from './device.ts'

/**
 * The expected time of work, from the expected time before (0 at first) and the time it took now. It falls at once and rises
 * by a tenth at most: the time taken may include a pause of the caller, and a caller that then sleeps for too long would
 * measure its own sleep as the time of the work.
 */
export function expectedMs(beforeMs: number, tookMs: number): number {
  return beforeMs === 0 ? tookMs : Math.min(tookMs, beforeMs * 0.9 + Math.min(tookMs, beforeMs * 2) * 0.1)
}

/**
 * Waits for submitted work without burning a core: sleeps for most of what such work took lately and polls only for the
 * rest. (Dawn in Node polls while a promise is pending, which a software adapter would feel.)
 */
export class Pacer {
  readonly #device: GpuDevice
  #averageMs = 0
  #submittedMs = 0

  constructor(device: GpuDevice) {
    this.#device = device
  }

  /** To be called right after a submit. */
  submitted(): void {
    this.#submittedMs = performance.now()
  }

  /** Resolves when everything submitted has run. @throws what `GpuDevice.check` throws. */
  async done(): Promise<void> {
    const sleepMs = this.#averageMs * 0.8 - (performance.now() - this.#submittedMs)
    if (sleepMs > 1) await new Promise((resolve) => setTimeout(resolve, sleepMs))
    await this.#device.idle()
    const tookMs = performance.now() - this.#submittedMs
    this.#averageMs = expectedMs(this.#averageMs, tookMs)
  }
}
