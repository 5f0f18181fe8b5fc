/** Logs made of another one, which their `close` closes. */
import type { Log } from '@headwater/datasets'
import type { LogEvent } from '@headwater/features'

/** The log but for what is changed. */
export function changedLog(log: Log, changes: Partial<Log>): Log {
  const { name, schema, rows, skippedRows, badRows, warnings, timeRange } = log
  const own = { name, schema, rows, skippedRows, badRows, warnings, timeRange }
  return { ...own, events: (range) => log.events(range), close: () => log.close(), ...changes }
}

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
  return changedLog(log, { rows: taken, timeRange: { firstMs: log.timeRange.firstMs, lastMs }, events })
}
