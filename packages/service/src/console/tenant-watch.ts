/** What is kept of one tenant over time. Nothing here is on the read path: it looks at what the path has counted. */
import type { Pooling, PoolingCounters } from '@headwater/pooling'
import type { BucketCounts } from '../figures/histograms.ts'
import { oldestSeconds } from '../metrics/pooling-figures.ts'
import type { ReadFigures } from '../metrics/read-figures.ts'
import { bucketQuantile } from './bucket-quantile.ts'
import { History } from './history.ts'

export interface WatchedTenant {
  readonly pooling: Pooling
  readonly reads: ReadFigures
  /** How long its refreshes took until they were written; null where nothing measures it. */
  readonly freshness: BucketCounts | null
  /** Users that wait in queues shared with other processes; null where they wait in this one. */
  readonly sharedWaiting: (() => number) | null
}

/** 15 minutes in steps of 2 s, and a day in steps of 2 minutes. */
export const recentStepMs = 2_000
const dayStepMs = 120_000
const recentSteps = 450
const daySteps = 720
/** Staleness is that of the last 15 minutes, to a minute. */
const ageStepMs = 60_000
const ageSteps = 15

export class TenantWatch {
  readonly #tenant: WatchedTenant
  readonly recent: SteppedHistory
  readonly day: SteppedHistory
  /** Counts of ages by model, at each minute's end: the oldest first. */
  #ages: { readonly atMs: number; readonly counts: ReadonlyMap<string, Float64Array> }[] = []

  constructor(tenant: WatchedTenant, nowMs: number) {
    this.#tenant = tenant
    this.recent = new SteppedHistory(tenant, recentStepMs, recentSteps, nowMs)
    this.day = new SteppedHistory(tenant, dayStepMs, daySteps, nowMs)
    this.#noteAges(nowMs)
  }

  /** Ends the steps that are over. */
  look(nowMs: number): void {
    this.recent.look(nowMs)
    this.day.look(nowMs)
    if (nowMs - this.#ages[this.#ages.length - 1].atMs >= ageStepMs) this.#noteAges(nowMs)
  }

  /** Ages of rows served in the last 15 minutes. */
  staleness() {
    const [{ atMs, counts: before }] = this.#ages
    const models = [...this.#tenant.reads.ages].map(([model, { bounds, counts }]) => ({
      model,
      boundsSeconds: [...bounds],
      counts: Array.from(counts, (count, i) => count - before.get(model)![i]),
    }))
    return { sinceMs: atMs, models }
  }

  #noteAges(atMs: number): void {
    const { ages } = this.#tenant.reads
    this.#ages.push({ atMs, counts: new Map([...ages].map(([model, { counts }]) => [model, counts.slice()])) })
    if (this.#ages.length > ageSteps + 1) this.#ages.shift()
  }
}

interface Sums {
  readonly atMs: number
  readonly reads: Float64Array
  readonly freshness: Float64Array | null
  readonly counters: PoolingCounters
}

/** A history whose rows are differences of sums. */
export class SteppedHistory extends History {
  readonly #tenant: WatchedTenant
  #before: Sums

  constructor(tenant: WatchedTenant, stepMs: number, steps: number, nowMs: number) {
    super(stepMs, steps)
    this.#tenant = tenant
    this.#before = sumsOf(tenant, nowMs)
  }

  look(nowMs: number): void {
    const sinceMs = nowMs - this.#before.atMs
    // Timers come a little early or late; a clock that was set back begins a new step.
    if (sinceMs >= 0 && sinceMs < 0.9 * this.stepMs) return
    const before = this.#before
    const now = sumsOf(this.#tenant, nowMs)
    this.#before = now
    if (sinceMs <= 0) return
    const { pooling, reads, freshness, sharedWaiting } = this.#tenant
    const read = now.reads.map((count, i) => count - before.reads[i])
    const waited = now.freshness?.map((count, i) => count - before.freshness![i])
    const of = (key: keyof PoolingCounters) => now.counters[key] - before.counters[key]
    const quantile = (bounds: Float64Array | undefined, counts: Float64Array | undefined, q: number) =>
      bounds === undefined || counts === undefined ? Number.NaN : bucketQuantile(bounds, counts, q)
    this.add({
      atMs: nowMs,
      seconds: sinceMs / 1000,
      reads: read.reduce((sum, count) => sum + count, 0),
      readP50: quantile(reads.durations.bounds, read, 0.5),
      readP99: quantile(reads.durations.bounds, read, 0.99),
      fresh: of('hits') - of('stale'),
      stale: of('stale'),
      default: of('default') - of('unavailable'),
      unavailable: of('unavailable'),
      events: of('events'),
      landed: of('refreshes'),
      failed: of('failed') + of('refused'),
      shed: of('shed'),
      queueUsers: sharedWaiting === null ? pooling.waiting : sharedWaiting(),
      queueOldest: oldestSeconds(pooling),
      freshnessP50: quantile(freshness?.bounds, waited, 0.5),
      freshnessP99: quantile(freshness?.bounds, waited, 0.99),
    })
  }
}

function sumsOf({ pooling, reads, freshness }: WatchedTenant, atMs: number): Sums {
  return {
    atMs,
    reads: reads.durations.counts.slice(),
    freshness: freshness?.counts.slice() ?? null,
    counters: { ...pooling.counters },
  }
}
