import { DuckDBListValue, type DuckDBValue } from '@duckdb/node-api'
import type { Field, FieldValue, LogEvent, Schema } from '@headwater/features'
import type { Log, TimeRange } from '../log/log.ts'
import { LogError } from '../log/log-error.ts'
import { withNegatives } from '../negatives/with-negatives.ts'
import { type Ingested, ingest, ingestParts } from './ingest.ts'
import { LogDatabase } from './log-database.ts'
import { findLogFiles } from './log-files.ts'
import { type OnShare, Steps } from './steps.ts'
import { checkWhole } from './whole-file.ts'

/** What drawing negatives costs where reading costs `ingestParts.read`. */
const drawPart = 100

export interface FileLogOptions {
  /** Path or glob of Parquet, CSV or JSONL files. */
  readonly data: string
  readonly schema: Schema
  /** Files whose columns are added to the rows by a key. */
  readonly join: readonly string[]
  readonly maxBadRows: number
  /** The log's own rows alone, of which a task may have one class or no label. */
  readonly eventsOnly: boolean
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnShare | undefined
}

/**
 * Reads, checks and sorts files into a temporary database, from which events are then streamed.
 * @throws LogError at anything that is wrong with the files or their rows
 */
export async function openFileLog(options: FileLogOptions): Promise<Log> {
  const { data, schema, join, maxBadRows, eventsOnly, signal, onProgress } = options
  const isDrawn = schema.negatives !== undefined && !eventsOnly
  const { read, sort, look } = ingestParts
  const steps = new Steps(read + sort + look + (isDrawn ? drawPart : 0), onProgress)
  const database = await LogDatabase.create(signal)
  try {
    const ingested = await database.use(async (connection) => {
      const files = await findLogFiles(connection, data, schema.delimiter)
      for (const { path } of files) await checkWhole(path, signal)
      return ingest(connection, files, schema, maxBadRows, join, steps)
    })
    const { rows, ...timeRange } = await summarize(database, data, schema, eventsOnly)
    const log = fileLog(database, schema, rows, timeRange, ingested)
    return isDrawn ? await steps.step(drawPart, (onShare) => withNegatives(log, data, onShare)) : log
  } catch (cause) {
    await database.close()
    throw cause
  }
}

async function summarize(database: LogDatabase, data: string, schema: Schema, eventsOnly: boolean) {
  const positives = schema.tasks.map(({ field, atLeast }) => {
    const column = schema.fields.findIndex(({ name }) => name === field)
    return `count(*) FILTER (WHERE f${column} >= ${atLeast}), count(f${column})`
  })
  const sql = `SELECT count(*), min(time_ms), max(time_ms), ${positives.join(', ')} FROM events WHERE problem IS NULL`
  const result = await database.use((connection) => connection.runAndReadAll(sql))
  const [rows, firstMs, lastMs, ...counts] = result.getRows()[0].map(Number)
  if (rows === 0) throw new LogError('the log has no rows', 'give one with events', { file: data })
  schema.tasks.forEach(({ name, field, atLeast }, i) => {
    const [ones, known] = counts.slice(2 * i)
    if (eventsOnly || field === schema.negatives?.outcome || (ones > 0 && ones < known)) return
    const reason =
      known === 0
        ? `task "${name}" has no label: "${field}" is missing in all rows`
        : `task "${name}" (at least ${atLeast}) has one class: its label is ${ones > 0 ? 1 : 0} in all rows`
    throw new LogError(reason, 'drop the task, or choose another "atLeast"', { file: data, field })
  })
  return { rows, firstMs, lastMs }
}

function fileLog(
  database: LogDatabase,
  schema: Schema,
  rows: number,
  timeRange: Log['timeRange'],
  { badRows, warnings }: Ingested,
): Log {
  let isClosed = false
  /** Under way: the database must not go away under them. */
  const fetches = new Set<Promise<unknown>>()
  async function* events({ from = -Infinity, to = Infinity }: TimeRange = {}): AsyncGenerator<LogEvent[]> {
    const columns = schema.fields.map((_, i) => `f${i}`).join(', ')
    const chunks = database.stream(
      `SELECT CAST(rowid AS DOUBLE), user_key, item_key, time_ms, ${columns} FROM events
      WHERE problem IS NULL AND time_ms >= $1 AND time_ms < $2`,
      [from, to],
    )
    try {
      for (;;) {
        if (isClosed) throw new LogError('the log is closed', 'read it before close()', { file: schema.name })
        const fetch = chunks.next()
        fetches.add(fetch)
        const { value, done } = await fetch.finally(() => fetches.delete(fetch))
        if (done) return
        yield toEvents(value, schema.fields)
      }
    } finally {
      await chunks.return(undefined)
    }
  }
  const close = async () => {
    if (isClosed) return
    isClosed = true
    await Promise.allSettled(fetches)
    await database.close()
  }
  const { count: skippedRows, listed } = badRows
  return { name: schema.name, schema, rows, skippedRows, badRows: listed, warnings, timeRange, events, close }
}

function toEvents(columns: DuckDBValue[][], fields: readonly Field[]): LogEvent[] {
  const [rows, users, items, times, ...fieldColumns] = columns
  const values = fieldColumns.map((column, i) => {
    return fields[i].type === 'vector' ? column.map(toVector) : column.map(toValue)
  })
  return rows.map((row, i) => ({
    row: row as number,
    user: users[i] as string,
    item: items[i] as string,
    timeMs: times[i] as number,
    values: values.map((column) => column[i]),
  }))
}

function toValue(value: DuckDBValue): FieldValue {
  return value instanceof DuckDBListValue ? (value.items as string[]) : (value as number | string | null)
}

function toVector(value: DuckDBValue): Float32Array | null {
  return value instanceof DuckDBListValue ? Float32Array.from(value.items as number[]) : null
}
