/** From an event to the next read that serves it, while events keep the kernels at 70 % of what they can do. */
import type { LoadFigures } from './open-loop.ts'
import type { FreshnessFigures } from './pooling-flows.ts'
import { placesOf, type Served, sleep, withService } from './pooling-served.ts'
import { type Spread, spread } from './report.ts'
import { withStolen } from './stolen-time.ts'

/** What computes embeddings: the tower's kernels on the adapter, or ONNX Runtime on the processor. */
const encoders = ['webgpu', 'onnx'] as const

export interface EventToReadFigures {
  readonly places: string
  readonly p50MsAtMost: number
  readonly p99MsAtMost: number
  readonly encoders: { readonly [encoder in (typeof encoders)[number]]: EncoderFigures }
}

/** Of windows in which the host stole no processor time; of all, where there are none. */
export interface EncoderFigures {
  /** Refreshes a second that land while the encoder always has work, beside the same reads. */
  readonly encodePerSecond: number
  readonly eventsPerSecond: number
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
  readonly stolenMs: number
}

const encodeShare = 0.7
const readShare = 0.3
const windowSeconds = 8
const windows = 3
const mostWindows = 6

export async function benchEventToRead(): Promise<EventToReadFigures> {
  const webgpu = await benchEncoder('webgpu')
  // As many events: 70 % of what it can encode is more than the service's processor can take in beside the reads.
  const onnx = await benchEncoder('onnx', webgpu.eventsPerSecond)
  return { places: placesOf(true), p50MsAtMost: 100, p99MsAtMost: 500, encoders: { webgpu, onnx } }
}

/** @param given events a second; default: 70 % of what the encoder can do */
function benchEncoder(encoder: (typeof encoders)[number], given?: number): Promise<EncoderFigures> {
  // Of the recorded sizes the smallest: a batch that fills a larger one in part takes as long as a whole one.
  return withService({ isEncoderApart: true, maxQueue: 100_000, batchRows: 16, encoder }, async (served) => {
    const encodePerSecond = await served.encodeCapacity(4, readShare)
    const eventsPerSecond = given ?? encodeShare * encodePerSecond
    await served.tell({ do: 'events', perSecond: eventsPerSecond })
    await sleep(2_000)
    const taken = await takeWindows(served)
    await served.tell({ do: 'events', perSecond: 0 })
    const sum = (of: (window: Window) => number) => taken.reduce((total, window) => total + of(window), 0)
    return {
      encodePerSecond,
      eventsPerSecond,
      windows: taken.length,
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

async function takeWindows(served: Served): Promise<readonly Window[]> {
  const taken: Window[] = []
  const undisturbed = () => taken.filter(({ stolenMs }) => stolenMs === 0)
  while (undisturbed().length < windows && taken.length < mostWindows) {
    // What was found so far was of the time before.
    await served.tell()
    const { result: reads, stolenMs } = await withStolen(() => served.read(readShare, windowSeconds))
    const { freshness } = await served.tell()
    taken.push({ reads, freshness, stolenMs })
  }
  return undisturbed().length > 0 ? undisturbed() : taken
}
