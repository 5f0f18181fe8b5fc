/** A log replayed in blocks of rows, each with what was served to it: what downstream models are trained on. */
import { type FeatureSpace, type LogEvent, type Replay, type SideBatch, timeGroups } from '@headwater/features'

/** Rows of the log in order, whole groups of equal time. */
export interface ReplayedBlock<Held> {
  readonly rows: number
  readonly events: readonly LogEvent[]
  /** Items and contexts as of their rows; it may have room for more rows. */
  readonly item: SideBatch
  /** Behind the last row of each group of equal time. */
  readonly groupEnds: readonly number[]
  /** What is held for each row. */
  readonly held: readonly Held[]
}

/** What a replay does with a group of rows of one time, and where it has what is held for each of them. */
export interface ReplaySource<Held> {
  /** Before any row of the group is read. */
  serve?(group: readonly LogEvent[]): void
  held(event: LogEvent): Held | Promise<Held>
  /** When all rows of the group were read. */
  ingest(group: readonly LogEvent[]): void
  /** Before a block is given out. */
  settle?(): Promise<void>
}

const blockRows = 1024

/** @param states of items as the source leaves them behind */
export async function* inBlocks<Held>(
  space: FeatureSpace,
  log: { events(): AsyncIterable<LogEvent[]> },
  states: Replay,
  source: ReplaySource<Held>,
  signal?: AbortSignal,
): AsyncGenerator<ReplayedBlock<Held>> {
  let item = space.allocate('item', blockRows)
  let events: LogEvent[] = []
  let held: Held[] = []
  let groupEnds: number[] = []
  for await (const group of timeGroups(log.events())) {
    if (events.length > 0 && events.length + group.length > blockRows) {
      signal?.throwIfAborted()
      await source.settle?.()
      yield { rows: events.length, events, item, groupEnds, held }
      events = []
      held = []
      groupEnds = []
    }
    // A group may be larger than a block: it then has one of its own.
    if (group.length > item.bags[0].lengths.length) item = space.allocate('item', group.length)
    source.serve?.(group)
    for (const event of group) {
      space.encodeItem(item, events.length, states.itemState(event.item), event)
      events.push(event)
      const own = source.held(event)
      held.push(own instanceof Promise ? await own : own)
    }
    groupEnds.push(events.length)
    source.ingest(group)
  }
  await source.settle?.()
  if (events.length > 0) yield { rows: events.length, events, item, groupEnds, held }
}
