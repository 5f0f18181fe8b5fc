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

export interface Refresher {
  /** Batches that failed. */
  readonly errors: number
  /** Resolves when the batches under way are written; what waits stays in the queue. */
  stop(): Promise<void>
}

/**
 * Starts to refresh in the background for a pooling whose clock is the wall's. Stop it before the pooling is closed.
 *
 * A whole batch goes on its way while the one before is encoded, so that encoders always have work. A part of one goes once
 * they are free, as until then others may fill it for nothing, and `maxWaitMs` after a refresh was due.
 *
 * @throws PoolingConfigError
 */
export function startRefreshing(pooling: Pooling, { maxWaitMs = 2, onError }: RefresherOptions = {}): Refresher {
  if (!(maxWaitMs >= 0)) throw new PoolingConfigError(`maxWaitMs is ${maxWaitMs}; give milliseconds, 0 or more`)
  let timer: NodeJS.Timeout | undefined
  /** When the timer ends, by the pooling's clock. */
  let timerMs = Number.POSITIVE_INFINITY
  /** The batch whose rows are being made. */
  let making: Promise<void> | null = null
  /** Batches whose rows are made, and that encoders have not ended. */
  let encoding = 0
  let written: Promise<void> = Promise.resolve()
  let isStopped = false
  let errors = 0

  const fail = (error: unknown) => {
    errors++
    onError?.(error)
  }
  /** Resolves once the next batch's rows are made. */
  const send = async () => {
    const underWay = await pooling.refreshDue()
    if (underWay === null) return
    encoding++
    underWay.encoded.then(() => {
      encoding--
      wake()
    })
    written = underWay.written.catch(fail)
  }
  const begin = () => {
    clearTimeout(timer)
    timerMs = Number.POSITIVE_INFINITY
    making = send()
      .catch(fail)
      .finally(() => {
        making = null
        wake()
      })
  }
  const wake = () => {
    if (isStopped || making !== null) return
    const { due, nextDueMs, batchSize, clock } = pooling
    if (due >= batchSize && encoding < mostUnderWay) {
      begin()
      return
    }
    if (nextDueMs === undefined || encoding > 0) return
    const nowMs = clock.now()
    // A refresh is due in the millisecond after its due time.
    const endMs = Math.max(nowMs, nextDueMs + 1 + maxWaitMs)
    // One that is tried again waits longer than those that are offered after it.
    if (endMs >= timerMs) return
    clearTimeout(timer)
    if (endMs === nowMs) {
      begin()
      return
    }
    timerMs = endMs
    timer = setTimeout(begin, endMs - nowMs)
  }

  pooling.listen(wake)
  wake()
  return {
    get errors() {
      return errors
    },
    async stop() {
      isStopped = true
      pooling.listen(null)
      clearTimeout(timer)
      await making
      await written
    },
  }
}
