/** From an event to the next read that serves it, while events keep the kernels at 70 % of what they can do. */
import { capacityAt, type EventRate, type Saturated } from './encoder-capacity.ts'
import type { LoadFigures } from './load.ts'
import type { FreshnessFigures } from './pooling-flows.ts'
import { batchMsBetween, placesOf, type Served, sleep, withService } from './pooling-served.ts'
import { type Spread, spread } from './report.ts'
import { counted, isNearShare } from './steady-load.ts'
import { withStolen } from './stolen-time.ts'

/** What computes embeddings: the tower's kernels on the adapter, or ONNX Runtime on the processor. */
const encoders = ['webgpu', 'onnx'] as const

export interface EventToReadFigures {
  readonly places: string
  readonly p50MsAtMost: number
  readonly p99MsAtMost: number
  readonly encoders: { readonly [encoder in (typeof encoders)[number]]: EncoderFigures }
}

/** Of those windows that count (`benchEncoder`). */
export interface EncoderFigures {
  /** Refreshes a second that would have landed in a window, had the encoder always had work, beside the same reads. */
  readonly encodePerSecond: Spread
  readonly eventsPerSecond: Spread
  /** That count, and that were run. */
  readonly steadyWindows: number
  readonly windows: number
  readonly events: number
  readonly failed: number
  readonly probed: number
  /** Of each window's events, to the read that serves them. */
  readonly p50Ms: Spread
  readonly p99Ms: Spread
  /** Over HTTP, meanwhile. */
  readonly readsPerSecond: number
  readonly readP99Ms: Spread
  readonly failedReads: number
}

interface Window {
  readonly reads: LoadFigures
  readonly freshness: FreshnessFigures
  readonly encodePerSecond: number
  readonly eventsPerSecond: number
  /** The host took no time in it, and the events were near enough to 70 % of what the encoder could do in it. */
  readonly isSteady: boolean
}

const encodeShare = 0.7
const readShare = 0.3
const windowSeconds = 8
const steadyWindows = 9
const mostWindows = 21
const capacitySeconds = 5
const drainSeconds = 1
const settlingSeconds = 2

export async function benchEventToRead(): Promise<EventToReadFigures> {
  const webgpu = await benchEncoder('webgpu')
  // As many events: 70 % of what it can encode is more than the service's processor can take in beside the reads.
  const onnx = await benchEncoder('onnx', webgpu.eventsPerSecond.median)
  return { places: placesOf(true), p50MsAtMost: 100, p99MsAtMost: 500, encoders: { webgpu, onnx } }
}

/**
 * Windows until nine count, or 21 were run; all, where there are fewer than three that count. A machine's speed changes, so that events
 * come at 70 % of what the encoder can do by how long its last batches took.
 *
 * @param given events a second; default: 70 % of what the encoder can do
 */
function benchEncoder(encoder: (typeof encoders)[number], given?: number): Promise<EncoderFigures> {
  // Of the recorded sizes the smallest: a batch that fills a larger one in part takes as long as a whole one.
  return withService({ isEncoderApart: true, maxQueue: 100_000, batchRows: 16, encoder }, async (served) => {
    const all: Window[] = []
    const steady = () => all.filter(({ isSteady }) => isSteady)
    await served.measure()
    const saturated = await served.saturate(capacitySeconds, readShare)
    // What is still queued would make the first events wait.
    await sleep(drainSeconds * 1_000)
    const rate = given === undefined ? { share: encodeShare, of: saturated } : { perSecond: given }
    while (steady().length < steadyWindows && all.length < mostWindows) {
      await served.measure()
      const { result, stolenMs } = await withStolen(() => takeWindow(served, rate))
      const { batchMs, ...figures } = result
      // By ONNX Runtime a batch of fewer rows takes less.
      const encodePerSecond = given === undefined ? capacityAt(batchMs, saturated) : saturated.refreshesPerSecond
      const isNear = given !== undefined || isNearShare(figures.eventsPerSecond, encodeShare, encodePerSecond)
      all.push({ ...figures, encodePerSecond, isSteady: stolenMs === 0 && isNear })
    }
    const taken = counted(all)
    const sum = (of: (window: Window) => number) => taken.reduce((total, window) => total + of(window), 0)
    return {
      encodePerSecond: spread(taken.map((window) => window.encodePerSecond)),
      eventsPerSecond: spread(taken.map(({ eventsPerSecond }) => eventsPerSecond)),
      steadyWindows: steady().length,
      windows: all.length,
      events: sum(({ freshness }) => freshness.events),
      failed: sum(({ freshness }) => freshness.failed),
      probed: sum(({ freshness }) => freshness.probed),
      p50Ms: spread(taken.map(({ freshness }) => freshness.p50Ms)),
      p99Ms: spread(taken.map(({ freshness }) => freshness.p99Ms)),
      readsPerSecond: sum(({ reads }) => reads.perSecond) / taken.length,
      readP99Ms: spread(taken.map(({ reads }) => reads.p99Ms)),
      failedReads: sum(({ reads }) => reads.failed),
    }
  })
}

async function takeWindow(
  served: Served,
  rate: EventRate,
): Promise<Pick<Window, 'reads' | 'freshness' | 'eventsPerSecond'> & Pick<Saturated, 'batchMs'>> {
  await served.tell({ do: 'events', rate })
  await sleep(1_000 * settlingSeconds)
  // What was found so far was of the time before.
  const before = await served.tell()
  const startMs = performance.now()
  const reads = await served.read(readShare, windowSeconds)
  const behind = await served.tell()
  const eventsPerSecond = (1_000 * behind.freshness.events) / (performance.now() - startMs)
  await served.tell({ do: 'events', rate: null })
  await sleep(1_000 * drainSeconds)
  return { reads, freshness: behind.freshness, eventsPerSecond, batchMs: batchMsBetween(before, behind) }
}
