import type { LogEvent } from '@headwater/features'
import { type Log, maxChunkEvents, type TimeRange } from '../log/log.ts'
import { LogError } from '../log/log-error.ts'
import { rowsOf } from './source.ts'
import { type SyntheticLogOptions, sourceOf } from './synthetic-source.ts'

/**
 * The synthetic log: every stream generates its events anew.
 * @throws LogError at a seed or size that cannot be used
 */
export function openSyntheticLog(options: SyntheticLogOptions & { signal?: AbortSignal } = {}): Log {
  const { signal } = options
  signal?.throwIfAborted()
  const source = sourceOf(options)
  const { schema, setting, rowsPerDay } = source
  const { name } = schema
  let isClosed = false
  const checkOpen = () => {
    signal?.throwIfAborted()
    if (isClosed) throw new LogError('the log is closed', 'read it before close()', { file: name })
  }
  async function* events(range: TimeRange = {}): AsyncGenerator<LogEvent[]> {
    let chunk: LogEvent[] = []
    checkOpen()
    for (const { event } of rowsOf(source, range)) {
      chunk.push(event)
      if (chunk.length < maxChunkEvents) continue
      yield chunk
      chunk = []
      checkOpen()
    }
    if (chunk.length > 0) yield chunk
  }
  return {
    name,
    schema,
    rows: setting.days * rowsPerDay,
    skippedRows: 0,
    badRows: [],
    warnings: [],
    timeRange: { firstMs: source.spanOfDay(0).firstMs, lastMs: source.spanOfDay(setting.days - 1).lastMs },
    events,
    close: async () => {
      isClosed = true
    },
  }
}
