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

/** Takes users from one shared queue, refreshes them by its pooling, and takes them out once they are written. */
export class QueueWorker {
  readonly #options: QueueWorkerOptions
  readonly #batches = new Set<Promise<void>>()
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  #claimedMs = Number.NEGATIVE_INFINITY

  constructor(options: QueueWorkerOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** Resolves once what it has taken is written. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
    await Promise.all(this.#batches)
    const { queues, name, consumer, onError } = this.#options
    await queues.tidy(name, consumer).catch(onError)
  }

  async #run(): Promise<void> {
    const { queues, name, pollMs, isReady, onError } = this.#options
    const { signal } = this.#abort
    await queues.tidy(name).catch(onError)
    while (!signal.aborted) {
      if (this.#batches.size >= mostBatches) {
        await Promise.race(this.#batches)
        continue
      }
      let pauseMs = pollMs
      if (isReady()) {
        try {
          const entries = await this.#take()
          if (entries.length > 0) {
            this.#begin(entries)
            continue
          }
        } catch (error) {
          onError(error)
          pauseMs = retryMs
        }
      }
      await wait(pauseMs, null, { signal }).catch(() => {})
    }
  }

  async #take(): Promise<readonly TakenEntry[]> {
    const { queues, name, consumer, claimMs, pooling } = this.#options
    const nowMs = performance.now()
    const isClaiming = nowMs - this.#claimedMs > claimMs / 8
    if (isClaiming) this.#claimedMs = nowMs
    const limit = pooling.batchSize
    return queues.take(name, { consumer, limit, claimMs: isClaiming ? claimMs : null, mostAttempts })
  }

  #begin(entries: readonly TakenEntry[]): void {
    const batch = this.#refresh(entries).catch(this.#options.onError)
    this.#batches.add(batch)
    void batch.then(() => this.#batches.delete(batch))
  }

  async #refresh(entries: readonly TakenEntry[]): Promise<void> {
    const { queues, name, pooling, consumer, claimMs, clock, onError } = this.#options
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
      for (const refresh of failed) idOf.delete(refresh)
      await queues.done(name, [...idOf.values()])
    } finally {
      clearInterval(beat)
    }
  }
}
