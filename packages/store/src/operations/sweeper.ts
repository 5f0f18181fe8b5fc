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

/** A sweep that goes on in the background. */
export interface Sweeper {
  /** Records removed so far. */
  readonly removed: number
  /** Resolves when the slice under way has ended. */
  stop(): Promise<void>
}

/**
 * Removes what has expired from one tenant of a store in the background, a slice at a time: the rings of each model in
 * turn, then tombstones past their retention, then all over again. Stop it before the store is closed.
 *
 * @throws RequestError
 */
export function startSweeping(store: EmbeddingStore, options: SweeperOptions): Sweeper {
  const { models, clock, intervalMs = 100, maxRecords = 100, onError } = options
  for (const { model, timeToLiveMs } of models) checkDuration(`timeToLiveMs of model "${model}"`, timeToLiveMs)
  checkDuration('intervalMs', intervalMs)
  checkInteger('maxRecords', maxRecords, 1)
  /** Place among the models; past them: tombstones. */
  let turn = 0
  let cursor: string | null = null
  let removed = 0
  let stopped = false
  let sweeping: Promise<void> = Promise.resolve()
  const sweepSlice = async () => {
    const slice = { maxRecords, cursor }
    const nowMs = clock.now()
    const done =
      turn === models.length
        ? await store.sweepTombstones({ ...slice, nowMs })
        : await store.sweep({
            ...slice,
            model: models[turn].model,
            expiredBeforeMs: Math.max(0, nowMs - models[turn].timeToLiveMs),
          })
    removed += done.removed
    cursor = done.cursor
    if (cursor === null) turn = turn === models.length ? 0 : turn + 1
  }
  const timer = setTimeout(() => {
    sweeping = sweepSlice()
      .catch((error: unknown) => onError?.(error))
      .finally(() => stopped || timer.refresh())
  }, intervalMs)
  // A process with nothing else to do may end.
  timer.unref()
  return {
    get removed() {
      return removed
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await sweeping
    },
  }
}
