import { PoolingConfigError } from './errors.ts'
import type { Pooling } from './pooling.ts'

export interface RefresherOptions {
  /** Longest that a due refresh waits for others to fill its batch. Default 2. */
  readonly maxWaitMs?: number
  /** Told of every drain that failed; the refresher goes on. */
  readonly onError?: (error: unknown) => void
}

/** Drains a pooling in the background, on the wall's clock: once a batch is full, or `maxWaitMs` after a refresh is due. */
export class Refresher {
  readonly #pooling: Pooling
  readonly #maxWaitMs: number
  readonly #onError: ((error: unknown) => void) | null
  #timer: NodeJS.Timeout | null = null
  /** When the timer ends, by the pooling's clock. */
  #timerMs = Number.POSITIVE_INFINITY
  #draining: Promise<void> | null = null
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

  /** Drains that failed. */
  get errors(): number {
    return this.#errors
  }

  /** Resolves when the batch under way has ended; what waits stays in the queue. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#pooling.listen(null)
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#draining
  }

  #wake(): void {
    if (this.#stopped || this.#draining !== null) return
    const { due, nextDueMs, batchSize, clock } = this.#pooling
    if (due >= batchSize) {
      this.#run()
      return
    }
    if (due === 0 && nextDueMs === undefined) return
    // A refresh is due in the millisecond after its landing time.
    const nowMs = clock.now()
    const dueMs = due > 0 ? nowMs : Math.max(nowMs, nextDueMs! + 1)
    // One that is tried again waits longer than those that are offered after it.
    if (dueMs + this.#maxWaitMs >= this.#timerMs) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerMs = dueMs + this.#maxWaitMs
    this.#timer = setTimeout(() => this.#run(), this.#timerMs - nowMs)
  }

  #run(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#timerMs = Number.POSITIVE_INFINITY
    if (this.#draining !== null) return
    this.#draining = this.#pooling
      .drain()
      .catch((error: unknown) => {
        this.#errors++
        this.#onError?.(error)
      })
      .finally(() => {
        this.#draining = null
        this.#wake()
      })
  }
}

/** Starts to drain a pooling whose clock is the wall's. Stop it before the pooling is closed. @throws PoolingConfigError */
export function startRefreshing(pooling: Pooling, options: RefresherOptions = {}): Refresher {
  return new Refresher(pooling, options)
}
