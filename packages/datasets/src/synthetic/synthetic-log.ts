import type { LogEvent, Schema } from '@headwater/features'
import { type Log, maxChunkEvents, type TimeRange } from '../log/log.ts'
import { LogError } from '../log/log-error.ts'
import { requestsPerDay, requestTimes } from './day.ts'
import type { SyntheticOptions } from './setting.ts'
import { syntheticEvents, syntheticWorld } from './synthetic-events.ts'
import { syntheticSchema } from './synthetic-schema.ts'
import type { SyntheticWorld } from './world.ts'

/**
 * The synthetic log: every stream generates its events anew.
 * @throws LogError at a seed or size that cannot be used
 */
export function openSyntheticLog(options: SyntheticOptions & { signal?: AbortSignal } = {}): Log {
  options.signal?.throwIfAborted()
  return new SyntheticLog(syntheticWorld(options), options.signal)
}

class SyntheticLog implements Log {
  readonly name = 'synthetic'
  readonly schema: Schema
  readonly rows: number
  readonly skippedRows = 0
  readonly badRows = []
  readonly timeRange: Log['timeRange']
  readonly #world: SyntheticWorld
  readonly #signal: AbortSignal | undefined
  #closed = false

  constructor(world: SyntheticWorld, signal: AbortSignal | undefined) {
    const { setting } = world
    this.schema = syntheticSchema(setting)
    this.rows = setting.days * requestsPerDay(setting) * setting.adsPerRequest
    const lastDay = requestTimes(world, setting.days - 1)
    this.timeRange = { firstMs: requestTimes(world, 0)[0], lastMs: lastDay[lastDay.length - 1] }
    this.#world = world
    this.#signal = signal
  }

  async *events(range: TimeRange = {}): AsyncGenerator<LogEvent[]> {
    let chunk: LogEvent[] = []
    this.#checkOpen()
    for (const { event } of syntheticEvents(this.#world, range)) {
      chunk.push(event)
      if (chunk.length < maxChunkEvents) continue
      yield chunk
      chunk = []
      this.#checkOpen()
    }
    if (chunk.length > 0) yield chunk
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #checkOpen(): void {
    this.#signal?.throwIfAborted()
    if (this.#closed) throw new LogError('the log is closed', 'read it before close()', { file: this.name })
  }
}
