import type { Log } from '@headwater/datasets'
import type { LogEvent } from '@headwater/features'

/** The first rows of a log, as a log; `close` closes the whole one. */
export async function firstRows(log: Log, rows: number): Promise<Log> {
  let lastMs = log.timeRange.firstMs
  const taken = Math.min(rows, log.rows)
  async function* events(range?: Parameters<Log['events']>[0]): AsyncGenerator<LogEvent[]> {
    for await (const chunk of log.events(range)) {
      const inside = chunk.filter(({ row }) => row < taken)
      if (inside.length > 0) yield inside
      if (inside.length < chunk.length) return
    }
  }
  for await (const chunk of events()) lastMs = chunk[chunk.length - 1].timeMs
  return {
    name: log.name,
    schema: log.schema,
    rows: taken,
    skippedRows: log.skippedRows,
    badRows: log.badRows,
    timeRange: { firstMs: log.timeRange.firstMs, lastMs },
    events,
    close: () => log.close(),
  }
}
