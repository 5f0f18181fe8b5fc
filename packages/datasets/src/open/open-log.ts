import { readFile } from 'node:fs/promises'
import { parseSchema, type Schema } from '@headwater/features'
import { movietweetings } from '../bundled/movietweetings.ts'
import { openFileLog } from '../files/file-log.ts'
import { checkThere } from '../files/log-files.ts'
import type { Log } from '../log/log.ts'
import { LogError } from '../log/log-error.ts'
import { openSyntheticLog } from '../synthetic/synthetic-log.ts'
import { syntheticSettings } from '../synthetic/synthetic-source.ts'

export interface OpenLogOptions {
  /**
   * `'movietweetings'` (bundled), a name of `syntheticSettings` (generated), or
   * the path or glob of files: `.parquet`, `.csv`, `.tsv`, `.json`, `.jsonl` or `.ndjson`, all but the first also with `.gz`
   * or `.zst`; with the schema's `delimiter` any other is read as CSV.
   */
  data: string
  /** The schema, or the path of its JSON. Needed for files; the bundled log has one; the synthetic one takes none. */
  schema?: string | Schema
  /**
   * Files with more columns of the rows, as of items or users, joined by a key: `PATH`, where the schema's item or user or the one
   * column in common is the key, `PATH:KEY`, or `PATH:KEY=COLUMN` where the log calls the key otherwise. A file has each key once.
   * Keys that it does not know are counted in `warnings`, and its columns are null there. Default none.
   */
  join?: readonly string[]
  /** Rows that may be bad; they are skipped. Default 0. */
  maxBadRows?: number
  /**
   * The log's own rows alone, of a log that is not trained on: a file's tasks may have one class or no label, and no negatives are
   * drawn. Default false.
   */
  eventsOnly?: boolean
  /** Of the synthetic log. Default 0. */
  seed?: number
  /** Ends the opening of the log, and any stream of its events, with the signal's reason. */
  signal?: AbortSignal
  /** Gets the share of the opening that is done, 0 to 1, some times a second; it never falls. By DuckDB's count, so it is rough. */
  onProgress?: (share: number) => void
}

/**
 * Opens a log and checks every row of it before anything is built on it.
 *
 * Files are sorted into a temporary database (DuckDB, 512 MB of memory, the rest on disk), so that a log may be larger
 * than memory. In CSV a list (`ids`, `vector`) is split on "|"; Parquet and JSONL may hold real lists. ISO times without
 * an offset are UTC. An empty list or text counts as missing. Where the schema has `negatives`, rows of items that were not
 * taken follow each row.
 *
 * @throws LogError where a file is missing, unreadable, cut short or of unknown extension, a column is missing, the log is empty,
 *   a task has one class, a joined file has a key twice or none in a row, or more than `maxBadRows` rows are bad: no user or item key or one over 512 bytes, a time
 *   that does not parse or is not of 1970 to 2200, a label that is missing (of the first task) or (for `atLeast: 1`) not 0 or 1, a weight below 0,
 *   a number that is not finite, a vector of another size; with `negatives` a row
 *   that says that its item was not taken, or too few rows whose item was live
 * @throws SchemaError where the schema cannot be used
 */
export async function openLog(options: OpenLogOptions): Promise<Log> {
  const { data, schema, join = [], maxBadRows = 0, eventsOnly = false, seed = 0, signal, onProgress } = options
  if (!Number.isInteger(maxBadRows) || maxBadRows < 0) {
    throw new LogError(`maxBadRows is ${maxBadRows}`, 'use a whole number from 0')
  }
  const setting = syntheticSettings.get(data)
  if (setting !== undefined) {
    if (schema !== undefined) throw new LogError('the synthetic log has its own schema', 'leave the schema out')
    if (join.length > 0) throw new LogError('nothing is joined to a synthetic log', 'leave the join out')
    return openSyntheticLog({ seed, setting, ...(signal && { signal }) })
  }
  const bundled = data === 'movietweetings' ? movietweetings : undefined
  if (bundled === undefined) checkThere(data)
  const described = schema ?? bundled?.schema
  if (described === undefined) {
    throw new LogError('no schema is given', 'name the JSON file that describes the columns (--schema)', { file: data })
  }
  return openFileLog({
    data: bundled?.data ?? data,
    schema: typeof described === 'string' ? await readSchema(described) : described,
    join,
    maxBadRows,
    eventsOnly,
    signal,
    onProgress,
  })
}

/** Reads and checks a schema's JSON. @throws LogError where it cannot be read, SchemaError where it cannot be used */
export async function readSchema(path: string): Promise<Schema> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new LogError('the schema cannot be read', 'check its path and permissions', { file: path }, { cause })
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new LogError(`the schema is no JSON: ${(cause as Error).message}`, 'correct it', { file: path }, { cause })
  }
  return parseSchema(json, path)
}
