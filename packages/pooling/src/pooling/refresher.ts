import { PoolingConfigError } from '../contracts/errors.ts'
import type { Pooling } from './pooling.ts'

export interface RefresherOptions {
  /** Longest that a due refresh waits for others to fill its batch, while the encoders have nothing to do. Default 2. */
  readonly maxWaitMs?: number
  /** Called with the error of every batch that failed; the refresher goes on. */
  readonly onError?: (error: unknown) => void
}

/** Batches that encoders have not ended at most: rows of one are made while the other is encoded. */
const mostUnderWay = 2

/**
 * Refreshes in the background, on the wall's clock. A whole batch goes on its way while the one before is encoded, so that
 * encoders always have work. A part of one goes once they are free, as until then others may fill it for nothing, and
 * `maxWaitMs` after a refresh was due.
 */
export class Refresher {
  readonly #pooling: Pooling
  readonly #maxWaitMs: number
  readonly #onError: ((error: unknown) => void) | null
  #timer: NodeJS.Timeout | null = null
  /** When the timer ends, by the pooling's clock. */
  #timerMs = Number.POSITIVE_INFINITY
  /** The batch whose rows are being made. */
  #making: Promise<void> | null = null
  /** Batches whose rows are made, and that encoders have not ended. */
  #encoding = 0
  #written: Promise<void> = Promise.resolve()
  #stopped = false
  #errors = 0

  constructor(pooling: Pooling, { maxWaitMs = 2, onError }: RefresherOptions) {
    if (!(maxWaitMs >= 0)) throw new PoolingConfigError(`maxWaitMs is ${maxWaitMs}; give milliseconds, 0 or more`)
    this.#pooling = pooling
    this.#maxWaitMs = maxWaitMs
    this.#onError = onError ?? null
    pooling.listen(() => this.#wake())
    this.#wake()
  }

  /** Batches that failed. */
  get errors(): number {
    return this.#errors
  }

  /** Resolves when the batches under way are written; what waits stays in the queue. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#pooling.listen(null)
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#making
    await this.#written
  }

  #wake(): void {
    if (this.#stopped || this.#making !== null) return
    const { due, nextDueMs, batchSize, clock } = this.#pooling
    if (due >= batchSize && this.#encoding < mostUnderWay) {
      this.#begin()
      return
    }
    if (nextDueMs === undefined || this.#encoding > 0) return
    const nowMs = clock.now()
    // A refresh is due in the millisecond after its due time.
    const endMs = Math.max(nowMs, nextDueMs + 1 + this.#maxWaitMs)
    // One that is tried again waits longer than those that are offered after it.
    if (endMs >= this.#timerMs) return
    if (endMs === nowMs) {
      this.#begin()
      return
    }
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerMs = endMs
    this.#timer = setTimeout(() => this.#begin(), endMs - nowMs)
  }

  #begin(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#timerMs = Number.POSITIVE_INFINITY
    this.#making = this.#send()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#making = null
        this.#wake()
      })
  }

  /** Resolves once the next batch's rows are made. */
  async #send(): Promise<void> {
    const underWay = await this.#pooling.refreshDue()
    if (underWay === null) return
    this.#encoding++
    underWay.encoded.then(() => {
      this.#encoding--
      this.#wake()
    })
    this.#written = underWay.written.catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    this.#errors++
    this.#onError?.(error)
  }
}

/** Starts to refresh for a pooling whose clock is the wall's. Stop it before the pooling is closed. @throws PoolingConfigError */
export function startRefreshing(pooling: Pooling, options: RefresherOptions = {}): Refresher {
  return new Refresher(pooling, options)
}
