/** From an event to the next read that serves it, while events keep the kernels at 70 % of what they can do. */
import type { LoadFigures } from './open-loop.ts'
import type { FreshnessFigures } from './pooling-flows.ts'
import { placesOf, type Served, sleep, withService } from './pooling-served.ts'
import { type Spread, spread } from './report.ts'
import { isNearShare, leastSteady } from './steady-load.ts'
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
  /** Refreshes a second that land while the encoder always has work, beside the same reads, right before and behind a window. */
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
  /** The host took no time in it, and the events were near enough to 70 % by what the encoder could do behind it too. */
  readonly isSteady: boolean
}

const encodeShare = 0.7
const readShare = 0.3
const windowSeconds = 8
const steadyWindows = 5
const mostWindows = 15
const capacitySeconds = 3
const drainSeconds = 1
const settlingSeconds = 2

export async function benchEventToRead(): Promise<EventToReadFigures> {
  const webgpu = await benchEncoder('webgpu')
  // As many events: 70 % of what it can encode is more than the service's processor can take in beside the reads.
  const onnx = await benchEncoder('onnx', webgpu.eventsPerSecond.median)
  return { places: placesOf(true), p50MsAtMost: 100, p99MsAtMost: 500, encoders: { webgpu, onnx } }
}

/**
 * Windows until five count, or fifteen were run; all, where there are fewer than three that count. As a machine's speed changes, what
 * the encoder can do is measured before each window and behind it.
 *
 * @param given events a second; default: 70 % of what the encoder can do
 */
function benchEncoder(encoder: (typeof encoders)[number], given?: number): Promise<EncoderFigures> {
  // Of the recorded sizes the smallest: a batch that fills a larger one in part takes as long as a whole one.
  return withService({ isEncoderApart: true, maxQueue: 100_000, batchRows: 16, encoder }, async (served) => {
    const all: Window[] = []
    const steady = () => all.filter(({ isSteady }) => isSteady)
    let before = await encodeCapacity(served)
    while (steady().length < steadyWindows && all.length < mostWindows) {
      const eventsPerSecond = given ?? encodeShare * before
      const { result, stolenMs } = await withStolen(() => takeWindow(served, eventsPerSecond))
      const behind = await encodeCapacity(served)
      const isNear = given !== undefined || isNearShare(eventsPerSecond, encodeShare, behind)
      all.push({
        ...result,
        encodePerSecond: (before + behind) / 2,
        eventsPerSecond,
        isSteady: stolenMs === 0 && isNear,
      })
      before = behind
    }
    const taken = steady().length < leastSteady ? all : steady()
    const sum = (of: (window: Window) => number) => taken.reduce((total, window) => total + of(window), 0)
    return {
      encodePerSecond: spread(taken.map(({ encodePerSecond }) => encodePerSecond)),
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

async function encodeCapacity(served: Served): Promise<number> {
  await served.measure()
  const perSecond = await served.encodeCapacity(capacitySeconds, readShare)
  // What is still queued would make the first events wait.
  await sleep(drainSeconds * 1_000)
  return perSecond
}

async function takeWindow(served: Served, eventsPerSecond: number): Promise<Pick<Window, 'reads' | 'freshness'>> {
  await served.tell({ do: 'events', perSecond: eventsPerSecond })
  await sleep(1_000 * settlingSeconds)
  // What was found so far was of the time before.
  await served.tell()
  const reads = await served.read(readShare, windowSeconds)
  const { freshness } = await served.tell()
  await served.tell({ do: 'events', perSecond: 0 })
  return { reads, freshness }
}
