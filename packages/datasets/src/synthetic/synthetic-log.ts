import type { LogEvent } from '@headwater/features'
import { type Log, maxChunkEvents, type TimeRange } from '../log/log.ts'
import { LogError } from '../log/log-error.ts'
import { requestsPerDay, requestTimes } from './day.ts'
import type { SyntheticOptions } from './setting.ts'
import { syntheticEvents, syntheticWorld } from './synthetic-events.ts'
import { syntheticSchema } from './synthetic-schema.ts'

/**
 * The synthetic log: every stream generates its events anew.
 * @throws LogError at a seed or size that cannot be used
 */
export function openSyntheticLog(options: SyntheticOptions & { signal?: AbortSignal } = {}): Log {
  const { signal } = options
  signal?.throwIfAborted()
  const world = syntheticWorld(options)
  const { setting } = world
  const name = 'synthetic'
  let isClosed = false
  const checkOpen = () => {
    signal?.throwIfAborted()
    if (isClosed) throw new LogError('the log is closed', 'read it before close()', { file: name })
  }
  async function* events(range: TimeRange = {}): AsyncGenerator<LogEvent[]> {
    let chunk: LogEvent[] = []
    checkOpen()
    for (const { event } of syntheticEvents(world, range)) {
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
    schema: syntheticSchema(setting),
    rows: setting.days * requestsPerDay(setting) * setting.adsPerRequest,
    skippedRows: 0,
    badRows: [],
    warnings: [],
    timeRange: { firstMs: requestTimes(world, 0)[0], lastMs: requestTimes(world, setting.days - 1).at(-1)! },
    events,
    close: async () => {
      isClosed = true
    },
  }
}
