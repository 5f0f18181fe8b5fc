import type { LogEvent } from '../events/event.ts'
import { groupsByTime } from './replay.ts'

/** `groupsByTime` over a log that comes in chunks: a group that a chunk's end cuts is put together again. */
export async function* timeGroups(chunks: AsyncIterable<readonly LogEvent[]>): AsyncGenerator<readonly LogEvent[]> {
  let open: readonly LogEvent[] = []
  for await (const chunk of chunks) {
    let last: readonly LogEvent[] = []
    for (const group of groupsByTime([...open, ...chunk])) {
      if (last.length > 0) yield last
      last = group
    }
    open = last
  }
  if (open.length > 0) yield open
}
