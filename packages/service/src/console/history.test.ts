import { describe, expect, it } from 'vitest'
import { openService } from '../../testing/http-service.ts'
import { BucketCounts } from '../figures/histograms.ts'
import { Reservoir } from '../figures/reservoir.ts'
import { ReadFigures } from '../metrics/read-figures.ts'
import { bucketQuantile } from './bucket-quantile.ts'
import { History, type HistoryRow, historyColumns } from './history.ts'
import { recentStepMs, TenantWatch } from './tenant-watch.ts'

type Columns = Readonly<Record<string, readonly (number | null)[]>>
/** Of the page, which is JavaScript as browsers take it. */
const {
  endOf,
  joined,
  latestOf,
  sumOf,
}: {
  endOf(kept: Columns | null): number
  joined(kept: Columns | null, more: Columns, most: number): Columns
  latestOf(columns: Columns, name: string): { value: number; agoMs: number } | null
  sumOf(columns: Columns, name: string, steps?: number): number
} = await import(new URL('../../console/history.js', import.meta.url).href)

describe('a quantile of buckets', () => {
  const bounds = [1, 2, 4]

  it('lies in its bucket, as far up as its rank', () => {
    // Ten values: 4 up to 1, 4 up to 2, 2 up to 4.
    expect(bucketQuantile(bounds, [4, 4, 2, 0], 0.5)).toBeCloseTo(1.25, 12)
    expect(bucketQuantile(bounds, [4, 4, 2, 0], 0.99)).toBeCloseTo(3.9, 12)
    expect(bucketQuantile(bounds, [4, 4, 2, 0], 0.4)).toBeCloseTo(1, 12)
    expect(bucketQuantile(bounds, [0, 0, 1, 0], 0)).toBeCloseTo(2, 12)
  })

  it('is the last bound for what is beyond it, and NaN for nothing', () => {
    expect(bucketQuantile(bounds, [0, 0, 0, 3], 0.5)).toBe(4)
    expect(bucketQuantile(bounds, [0, 0, 0, 0], 0.5)).toBeNaN()
  })
})

describe('a history', () => {
  const rowAt = (atMs: number, reads = 1) =>
    ({ ...Object.fromEntries(historyColumns.map((name) => [name, Number.NaN])), atMs, reads }) as HistoryRow

  it('keeps its last steps alone, and tells those that are new', () => {
    const history = new History(1_000, 5)
    for (let i = 1; i <= 12; i++) history.add(rowAt(i * 1_000, i))
    expect(history.after(0).atMs).toEqual([8_000, 9_000, 10_000, 11_000, 12_000])
    expect(history.after(10_000)).toMatchObject({ reads: [11, 12], readP50: [null, null] })
    expect(history.after(12_000).atMs).toEqual([])
  })

  it('stays as long in the page, whatever comes, and holds no step twice', () => {
    const history = new History(1_000, 50)
    let kept: Columns | null = null
    for (let i = 1; i <= 400; i++) {
      history.add(rowAt(i * 1_000, i))
      // Every third answer is late, and what it tells is asked for again.
      if (i % 3 === 0) kept = joined(kept, history.after(endOf(kept) - 2_000), 20)
      if (kept !== null) expect(kept.atMs.length).toBeLessThanOrEqual(20)
    }
    expect(kept!.atMs).toEqual(Array.from({ length: 20 }, (_, i) => (380 + i) * 1_000))
    expect(sumOf(kept!, 'reads', 3)).toBe(397 + 398 + 399)
    expect(sumOf(kept!, 'reads')).toBe(20 * 389.5)
    expect(latestOf(kept!, 'reads')).toEqual({ value: 399, agoMs: 0 })
    expect(latestOf(kept!, 'readP50')).toBeNull()
    const sparse = { ...kept!, reads: kept!.reads.map((value, i) => (i > 16 ? null : value)) }
    expect(latestOf(sparse, 'reads')).toEqual({ value: 396, agoMs: 3_000 })
  })
})

describe('a tenant over time', () => {
  it('has of each step what was counted in it', async () => {
    const service = await openService()
    const { pooling } = service
    const ages = new BucketCounts(Float64Array.of(1, 60))
    const durations = new BucketCounts(Float64Array.of(0.001, 0.002))
    const reads = new ReadFigures(durations, new Map([['m', ages]]), new Reservoir(8, 1))
    const startMs = 1_700_000_000_000
    const watch = new TenantWatch({ pooling, reads, freshness: null, sharedWaiting: null }, startMs)
    const served = async (users: string[]) => reads.ended(1.5, await pooling.read(users, ['m']))
    await served(['a', 'b', 'c'])
    watch.look(startMs + 500)
    expect(watch.recent.after(0).atMs).toEqual([])
    watch.look(startMs + recentStepMs)
    await served(['a'])
    await served(['b'])
    watch.look(startMs + 2 * recentStepMs)
    const { atMs, seconds, reads: counted, default: defaults, readP50 } = watch.recent.after(0)
    expect(atMs).toEqual([startMs + recentStepMs, startMs + 2 * recentStepMs])
    expect([seconds, counted, defaults]).toEqual([
      [2, 2],
      [1, 2],
      [3, 2],
    ])
    expect(readP50).toEqual([0.0015, 0.0015])
    // A clock that was set back loses a step, and nothing else.
    watch.look(startMs)
    watch.look(startMs + recentStepMs)
    expect(watch.recent.after(0).reads).toEqual([1, 2, 0])
    await service.close()
  })

  it('shows ages of the last 15 minutes', async () => {
    const service = await openService()
    const ages = new BucketCounts(Float64Array.of(1, 60))
    const reads = new ReadFigures(new BucketCounts(Float64Array.of(1)), new Map([['m', ages]]), new Reservoir(8, 1))
    const watch = new TenantWatch({ pooling: service.pooling, reads, freshness: null, sharedWaiting: null }, 0)
    for (let minute = 1; minute <= 40; minute++) {
      ages.add(minute <= 20 ? 0.5 : 30)
      watch.look(minute * 60_000)
    }
    const { sinceMs, models } = watch.staleness()
    expect(sinceMs).toBe(25 * 60_000)
    expect(models).toEqual([{ model: 'm', boundsSeconds: [1, 60], counts: [0, 15, 0] }])
    await service.close()
  })
})
