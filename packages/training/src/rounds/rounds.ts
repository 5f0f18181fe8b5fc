/** How a log is cut into rounds. */
import { type LogEvent, timeGroups } from '@headwater/features'

/** What a round is fed: groups of equal time, in time order. They are to be read to their end before the next round. */
export interface RoundEvents {
  /** As in "2024-05-01 00:00 to 2024-05-02 00:00". */
  readonly label: string
  readonly groups: AsyncIterable<readonly LogEvent[]>
}

/** Of a log, what rounds need. */
export interface TimedLog {
  readonly timeRange: { readonly firstMs: number }
  events(): AsyncIterable<readonly LogEvent[]>
}

const minute = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')

/** Rounds of equal log time, the first from the log's first event on. Spans without events are passed over. */
export async function* roundsByTime(log: TimedLog, everyMs: number): AsyncGenerator<RoundEvents> {
  const { firstMs } = log.timeRange
  const spanOf = (group: readonly LogEvent[]) => Math.floor((group[0].timeMs - firstMs) / everyMs)
  const groups = timeGroups(log.events())
  try {
    let next = await groups.next()
    while (!next.done) {
      const span = spanOf(next.value)
      async function* ofSpan() {
        for (; !next.done && spanOf(next.value) === span; next = await groups.next()) yield next.value
      }
      const fromMs = firstMs + span * everyMs
      yield { label: `${minute(fromMs)} to ${minute(fromMs + everyMs)}`, groups: ofSpan() }
    }
  } finally {
    await groups.return(undefined)
  }
}
