import { setTimeout as wait } from 'node:timers/promises'
import type { Clock, Pooling } from '@headwater/pooling'
import { askedBy, type Refresh } from '@headwater/pooling'
import { decodeEntry } from './queue-entry.ts'
import type { DeadReason, QueueName, SharedQueues, TakenEntry } from './shared-queue.ts'

export interface QueueWorkerOptions {
  readonly queues: SharedQueues
  readonly name: QueueName
  /** Of the tenant, with the model. */
  readonly pooling: Pooling
  /** Among the workers of the queue; no two have the same. */
  readonly consumer: string
  readonly clock: Clock
  /** Entries of a worker that has sent no sign of life for as long are claimed. */
  readonly claimMs: number
  /** From a look that found nobody to the next. */
  readonly pollMs: number
  /** Whether it is worth taking any now. */
  readonly isReady: () => boolean
  readonly onError: (error: unknown) => void
}

const retryMs = 500
/** Entries that were taken so often are dead. */
const mostAttempts = 100
/** One is encoded while the states of the next are read. */
const mostBatches = 2

export interface QueueWorker {
  /** Resolves once what it has taken is written. */
  stop(): Promise<void>
}

/** Takes users from one shared queue, refreshes them by its pooling, and takes them out once they are written. */
export function startQueueWorker(options: QueueWorkerOptions): QueueWorker {
  const { queues, name, pooling, consumer, clock, claimMs, pollMs, isReady, onError } = options
  const batches = new Set<Promise<void>>()
  const abort = new AbortController()
  const { signal } = abort
  let claimedMs = Number.NEGATIVE_INFINITY

  const take = () => {
    const nowMs = performance.now()
    const isClaiming = nowMs - claimedMs > claimMs / 8
    if (isClaiming) claimedMs = nowMs
    const limit = pooling.batchSize
    return queues.take(name, { consumer, limit, claimMs: isClaiming ? claimMs : null, mostAttempts })
  }
  const refresh = async (entries: readonly TakenEntry[]) => {
    const ids = entries.map(({ id }) => id)
    const beat = setInterval(() => queues.extend(name, consumer, ids).catch(onError), claimMs / 3)
    try {
      const idOf = new Map<Refresh, string>()
      const dead = new Map<DeadReason, string[]>()
      const toNow = performance.now() - clock.now()
      for (const { id, user, entry, takenMs } of entries) {
        const decoded = user === '' ? 'damaged' : decodeEntry(entry, name.model)
        if (typeof decoded === 'string') dead.set(decoded, [...(dead.get(decoded) ?? []), id])
        else {
          // Below 0 where it came before this process.
          const askedMs = decoded.offeredMs + toNow
          idOf.set({ user, atMs: takenMs, servedMs: Number.NaN, askedMs, askedBy: askedBy.news, failures: 0 }, id)
        }
      }
      for (const [reason, some] of dead) await queues.bury(name, some, reason)
      if (idOf.size === 0) return
      const failed = await pooling.refresh(name.model, [...idOf.keys()])
      // They are left pending, and any worker claims them once the claim time has passed.
      for (const each of failed) idOf.delete(each)
      await queues.done(name, [...idOf.values()])
    } finally {
      clearInterval(beat)
    }
  }
  /** @returns how long to wait before the next look: 0 where somebody was taken */
  const look = async () => {
    if (!isReady()) return pollMs
    try {
      const entries = await take()
      if (entries.length === 0) return pollMs
      const batch = refresh(entries)
        .catch(onError)
        .finally(() => batches.delete(batch))
      batches.add(batch)
      return 0
    } catch (error) {
      onError(error)
      return retryMs
    }
  }
  const run = async () => {
    await queues.tidy(name).catch(onError)
    while (!signal.aborted) {
      if (batches.size >= mostBatches) await Promise.race(batches)
      else {
        const pauseMs = await look()
        if (pauseMs > 0) await wait(pauseMs, null, { signal }).catch(() => {})
      }
    }
  }
  const running = run()
  return {
    async stop() {
      abort.abort()
      await running
      await Promise.all(batches)
      await queues.tidy(name, consumer).catch(onError)
    },
  }
}
