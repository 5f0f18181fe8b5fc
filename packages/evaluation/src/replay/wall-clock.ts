/** Read latency and freshness by the wall's clock, over a copy of the store that the traffic left behind. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FeatureSpace } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { createPooling, RefreshError, startRefreshing } from '@headwater/pooling'
import { loadTower } from '@headwater/runtime'
import { nearestRankPercentiles } from '@headwater/statistics'
import { openStore } from '@headwater/store'
import type { Stages } from '../progress/stages.ts'
import { encoderOf, type PooledSnapshots, type TrafficSummary } from './live-traffic.ts'

interface WallClockOptions {
  readonly device: GpuDevice
  readonly space: FeatureSpace
  /** Its store is copied and left as it is; the users of its recent events are read, and these ingested anew, as of now. */
  readonly traffic: Pick<TrafficSummary, 'store' | 'lastSnapshotDirectory' | 'recent'>
  readonly settings: {
    readonly pooling: PooledSnapshots
    /** Reads and events that are timed. */
    readonly timedReads: number
    readonly timedEvents: number
  }
  readonly stages: Stages
  readonly signal?: AbortSignal | undefined
}

/** By wall clock, each at `wallClockPercents`. */
interface WallClockFigures {
  readonly reads: number
  /** From asking for a user's served embedding to having it. */
  readonly readUs: readonly number[]
  /** From an event's arrival until a read returns the embedding that knows it. */
  readonly freshnessMs: readonly number[]
}

/** Percentiles that are reported. */
export const wallClockPercents = [0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100]

/**
 * Reads one user at a time while refreshes run beside; events go in one after another, each timed until a read knows it.
 * @throws RefreshError where a refresh fails, and what store, device and signal throw
 */
export async function measureByWallClock(options: WallClockOptions): Promise<WallClockFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-wall-clock-'))
  try {
    cpSync(options.traffic.store, directory, { recursive: true })
    return await measure(options, `lmdb:${directory}`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measure(options: WallClockOptions, storeUrl: string): Promise<WallClockFigures> {
  const { device, space, traffic, settings, stages, signal } = options
  const { recent } = traffic
  const store = await openStore(storeUrl)
  const tower = await loadTower(traffic.lastSnapshotDirectory, { device })
  await tower.warm()
  const pooling = createPooling({
    store,
    space,
    clock: { now: () => Date.now() },
    refreshDelayMs: 0,
    models: [{ name: 'sum', dim: tower.dim, policy: { slot: 'snapshot', ...settings.pooling } }],
  })
  await pooling.publish('sum', encoderOf(tower))
  let failure: unknown = null
  const refresher = startRefreshing(pooling, { onError: (error) => (failure ??= error) })
  // A refresh that fails is never read: without this the wait for it would not end.
  const check = () => {
    signal?.throwIfAborted()
    if (failure !== null) throw failure
    if (pooling.counters.refused > 0) throw new RefreshError('the store refused a vector that is not finite')
  }
  const latencyUs = new Float64Array(settings.timedReads)
  const freshnessMs = new Float64Array(settings.timedEvents)
  const readsPerEvent = Math.ceil(settings.timedReads / settings.timedEvents)
  let reads = 0
  const timedRead = async (user: string) => {
    const startMs = performance.now()
    const served = await pooling.read([user], ['sum'])
    if (reads < latencyUs.length) latencyUs[reads++] = (performance.now() - startMs) * 1000
    return served.models[0]
  }
  stages.begin('wall clock', settings.timedEvents)
  try {
    for (const event of recent.slice(0, 100)) await timedRead(event.user)
    reads = 0
    for (let e = 0; e < settings.timedEvents; e++) {
      const event = recent[e % recent.length]
      const nowMs = Date.now()
      const arrivedMs = performance.now()
      await pooling.ingest([{ ...event, timeMs: nowMs }])
      let fresh = false
      for (let i = 0; !fresh || i < readsPerEvent; i++) {
        check()
        // Other users are read meanwhile, as other requests would; timers and the encoder get their turn.
        const served = await timedRead(i % 2 === 0 ? event.user : recent[(e + i) % recent.length].user)
        if (i % 2 === 0 && !fresh && served.featureTimeMs[0] >= nowMs) {
          fresh = true
          freshnessMs[e] = performance.now() - arrivedMs
        }
        if (i % 8 === 7) await new Promise((resolve) => setTimeout(resolve, 1))
      }
      stages.advance(e + 1)
    }
    stages.end()
  } finally {
    await refresher.stop()
    await pooling.close()
    tower.dispose()
    await store.close()
  }
  return {
    reads,
    readUs: nearestRankPercentiles(latencyUs.subarray(0, reads), wallClockPercents),
    freshnessMs: nearestRankPercentiles(freshnessMs, wallClockPercents),
  }
}
