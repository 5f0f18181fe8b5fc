/** A log replayed in blocks of rows, each with what was served to it: what downstream models are trained on. */
import {
  basketsOf,
  type FeatureSpace,
  happened,
  LiveItems,
  type LogEvent,
  type Replay,
  type SideBatch,
  timeGroups,
} from '@headwater/features'

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
  /** Of rows that are asked for. */
  readonly choices?: readonly Choice[]
}

/** All that a row's user could have taken at its time. Shape letter: N items. */
export interface Choice {
  /** Of the row in its block. */
  readonly place: number
  /** The row's item, then the others, as of the row, [N]. */
  readonly item: SideBatch
  /** How often each was to be drawn, [N]. */
  readonly expected: Float64Array
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

/**
 * @param states of items as the source leaves them behind
 * @param chosen rows of something taken, of which the block tells all that could have been
 */
export async function* inBlocks<Held>(
  space: FeatureSpace,
  log: { events(): AsyncIterable<LogEvent[]> },
  states: Replay,
  source: ReplaySource<Held>,
  signal?: AbortSignal,
  chosen: ReadonlySet<number> = new Set(),
): AsyncGenerator<ReplayedBlock<Held>> {
  const live = chosen.size > 0 ? new LiveItems(space.schema) : null
  let choices: Choice[] = []
  let item = space.allocate('item', blockRows)
  let events: LogEvent[] = []
  let held: Held[] = []
  let groupEnds: number[] = []
  for await (const group of timeGroups(log.events())) {
    // Choices are large: a block has those of one time.
    if (events.length > 0 && (events.length + group.length > blockRows || choices.length > 0)) {
      signal?.throwIfAborted()
      await source.settle?.()
      yield { rows: events.length, events, item, groupEnds, held, choices }
      events = []
      held = []
      groupEnds = []
      choices = []
    }
    live?.advance(group[0].timeMs)
    // A group may be larger than a block: it then has one of its own.
    if (group.length > item.bags[0].lengths.length) item = space.allocate('item', group.length)
    source.serve?.(group)
    for (const event of group) {
      if (live && chosen.has(event.row)) choices.push(choiceOf(space, states, live, group, event, events.length))
      space.encodeItem(item, events.length, states.itemState(event.item), event)
      events.push(event)
      const own = source.held(event)
      held.push(own instanceof Promise ? await own : own)
    }
    groupEnds.push(events.length)
    source.ingest(group)
    if (live) for (const event of group.filter(happened)) live.add(event)
  }
  await source.settle?.()
  if (events.length > 0) yield { rows: events.length, events, item, groupEnds, held, choices }
}

function choiceOf(
  space: FeatureSpace,
  states: Replay,
  live: LiveItems,
  group: readonly LogEvent[],
  event: LogEvent,
  place: number,
): Choice {
  const candidates = live.candidates(event, basketsOf(group).get(event.user)!)
  const item = space.allocate('item', candidates.length)
  candidates.forEach((own, row) => {
    space.encodeItem(item, row, states.itemState(own.item), own)
  })
  return { place, item, expected: Float64Array.from(candidates, ({ draw }) => draw!.expected) }
}
