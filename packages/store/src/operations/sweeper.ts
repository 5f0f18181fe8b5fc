import { checkDuration, checkInteger } from '../validation/numbers.ts'
import type { EmbeddingStore } from './embedding-store.ts'

export interface SweeperOptions {
  /** Models whose rings expire, with the age of the newest features at which they do. */
  readonly models: readonly { readonly model: string; readonly timeToLiveMs: number }[]
  /** What ages are reckoned from: the wall's clock in service. */
  readonly clock: { now(): number }
  /** Pause between slices. Default 100. */
  readonly intervalMs?: number
  /** About as many records are looked at in a slice, which holds the thread of an embedded store. Default 100. */
  readonly maxRecords?: number
  /** Called with the error of every slice that failed; the sweeper goes on. */
  readonly onError?: (error: unknown) => void
}

/**
 * Removes what has expired from one tenant of a store in the background, a slice at a time: the rings of each model in
 * turn, then tombstones past their retention, then all over again.
 */
export class Sweeper {
  readonly #store: EmbeddingStore
  readonly #options: SweeperOptions
  readonly #maxRecords: number
  readonly #intervalMs: number
  /** Place among the models; past them: tombstones. */
  #turn = 0
  #cursor: string | null = null
  #timer: NodeJS.Timeout | null = null
  #sweeping: Promise<void> | null = null
  #stopped = false
  #removed = 0

  /** @throws RequestError */
  constructor(store: EmbeddingStore, options: SweeperOptions) {
    const { models, intervalMs = 100, maxRecords = 100 } = options
    for (const { model, timeToLiveMs } of models) checkDuration(`timeToLiveMs of model "${model}"`, timeToLiveMs)
    checkDuration('intervalMs', intervalMs)
    checkInteger('maxRecords', maxRecords, 1)
    this.#store = store
    this.#options = options
    this.#intervalMs = intervalMs
    this.#maxRecords = maxRecords
    this.#wait()
  }

  /** Records removed so far. */
  get removed(): number {
    return this.#removed
  }

  /** Resolves when the slice under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#sweeping
  }

  #wait(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#sweeping = this.#slice()
        .catch((error: unknown) => this.#options.onError?.(error))
        .finally(() => {
          this.#sweeping = null
          this.#wait()
        })
    }, this.#intervalMs)
    // A process with nothing else to do may end.
    this.#timer.unref()
  }

  async #slice(): Promise<void> {
    const { models, clock } = this.#options
    const slice = { maxRecords: this.#maxRecords, cursor: this.#cursor }
    const nowMs = clock.now()
    const each = models[this.#turn]
    const expiredBeforeMs = Math.max(0, nowMs - (each?.timeToLiveMs ?? 0))
    const { removed, cursor } =
      each === undefined
        ? await this.#store.sweepTombstones({ ...slice, nowMs })
        : await this.#store.sweep({ ...slice, model: each.model, expiredBeforeMs })
    this.#removed += removed
    this.#cursor = cursor
    if (cursor === null) this.#turn = this.#turn === models.length ? 0 : this.#turn + 1
  }
}

/** Starts to sweep a store. Stop it before the store is closed. @throws RequestError */
export function startSweeping(store: EmbeddingStore, options: SweeperOptions): Sweeper {
  return new Sweeper(store, options)
}
