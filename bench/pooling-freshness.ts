/** From an event to the next read that serves it, while events keep the encoder at 70 % of what it can do. */
import type { LoadFigures } from './open-loop.ts'
import type { FreshnessFigures } from './pooling-flows.ts'
import { placesOf, sleep, withService } from './pooling-served.ts'

export interface EventToReadFigures {
  readonly places: string
  /** Refreshes a second that land while the encoder always has work, beside the same reads. */
  readonly encodePerSecond: number
  readonly eventsPerSecond: number
  readonly eventToRead: FreshnessFigures
  readonly p50MsAtMost: number
  readonly p99MsAtMost: number
  /** Over HTTP, meanwhile. */
  readonly reads: LoadFigures
}

const encodeShare = 0.7
const readShare = 0.3
const seconds = 20

export function benchEventToRead(): Promise<EventToReadFigures> {
  // Of the recorded sizes the smallest: a batch that fills a larger one in part takes as long as a whole one.
  return withService({ isEncoderApart: true, maxQueue: 100_000, batchRows: 16 }, async (served) => {
    const encodePerSecond = await served.encodeCapacity(4, readShare)
    const eventsPerSecond = encodeShare * encodePerSecond
    await served.tell({ do: 'events', perSecond: eventsPerSecond })
    await sleep(2_000)
    // What was found so far was of the warming up.
    await served.tell()
    const reads = await served.read(readShare, seconds)
    const { freshness } = await served.tell()
    await served.tell({ do: 'events', perSecond: 0 })
    return {
      places: placesOf(true),
      encodePerSecond,
      eventsPerSecond,
      eventToRead: freshness,
      p50MsAtMost: 100,
      p99MsAtMost: 500,
      reads,
    }
  })
}
