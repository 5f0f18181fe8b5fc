import { type LogEvent, schemaDefaults } from '@headwater/features'
import { type Log, maxChunkEvents, type TimeRange } from '../log/log.ts'
import { LogError } from '../log/log-error.ts'
import { drawNegatives } from './draw-negatives.ts'

/** Of rows that could be given negatives, below this there is next to nothing to learn from. */
const leastShare = 0.5
/** Rows between two reports of how far it is. */
const toldRows = 10_000

/**
 * The log with rows of what was not taken, as its schema's `negatives` say. It is read once, to count them.
 * @param data in messages
 * @param onShare gets the share of the log that was read
 * @throws LogError where half of the rows or more took what was not live
 */
export async function withNegatives(log: Log, data: string, onShare: (share: number) => void = () => {}): Promise<Log> {
  const { schema } = log
  let [rows, taken, unknown, told] = [0, 0, 0, 0]
  for await (const chunk of drawNegatives(schema, log.events())) {
    rows += chunk.length
    for (const { draw } of chunk) {
      if (!draw!.taken) continue
      taken++
      if (draw!.expected === 0) unknown++
    }
    if (taken - told < toldRows) continue
    told = taken
    onShare(taken / log.rows)
  }
  const { windowDays = schemaDefaults.windowDays } = schema.negatives!
  if (rows - taken === 0 || unknown > (1 - leastShare) * taken)
    throw new LogError(
      `${unknown} of ${taken} rows, the first in time among them, took an item that nobody took in the ${windowDays} days before, so that no item to draw tells them from what was not taken`,
      'raise "windowDays" of "negatives", use a longer log, or times that tell rows apart',
      { file: data, field: schema.item },
    )
  const share = `${((100 * unknown) / taken).toFixed(1)} %`
  const warnings = [
    ...log.warnings,
    `${unknown} of ${taken} rows (${share}) took an item that was not live: they teach features and are not scored.`,
  ]
  /** From the first row on, whatever the range: what is live is known by what came before. */
  async function* events({ from = -Infinity, to = Infinity }: TimeRange = {}): AsyncGenerator<LogEvent[]> {
    let chunk: LogEvent[] = []
    for await (const group of drawNegatives(schema, log.events({ to })))
      for (const event of group) {
        if (event.timeMs < from) continue
        chunk.push(event)
        if (chunk.length < maxChunkEvents) continue
        yield chunk
        chunk = []
      }
    if (chunk.length > 0) yield chunk
  }
  const { name, skippedRows, badRows, timeRange } = log
  return { name, schema, rows, skippedRows, badRows, warnings, timeRange, events, close: () => log.close() }
}
