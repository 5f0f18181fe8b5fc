import { accessSync, constants, statSync } from 'node:fs'
import type { DuckDBConnection } from '@duckdb/node-api'
import { LogError } from '../log/log-error.ts'
import { literal } from './sql.ts'

/** `json`: one array of objects. */
type LogFormat = 'parquet' | 'csv' | 'jsonl' | 'json'

export interface LogFile {
  readonly path: string
  readonly format: LogFormat
  /** Of a CSV file: what parts its cells. */
  readonly delimiter: string
}

const formats: readonly [RegExp, LogFormat][] = [
  [/\.parquet$/i, 'parquet'],
  [/\.(csv|tsv)(\.gz|\.zst)?$/i, 'csv'],
  [/\.(jsonl|ndjson)(\.gz|\.zst)?$/i, 'jsonl'],
  [/\.json(\.gz|\.zst)?$/i, 'json'],
]

/**
 * The files that a path or glob stands for, sorted by path. A path that exists is taken literally. With a `delimiter` of the
 * schema, files of other extensions are read as CSV.
 * @throws LogError where nothing matches, a file cannot be read or its extension is unknown
 */
export async function findLogFiles(
  connection: DuckDBConnection,
  data: string,
  delimiter: string | undefined,
): Promise<LogFile[]> {
  // DuckDB drops doubled slashes: without them it reports a file by the path that we know it by.
  const paths = isThere(data) ? [data.replace(/\/{2,}/g, '/')] : await matches(connection, data)
  return paths.map((path) => {
    checkReadable(path)
    const known = formats.find(([extension]) => extension.test(path))?.[1]
    const format = known ?? (delimiter === undefined ? undefined : 'csv')
    if (format !== undefined) return { path, format, delimiter: delimiter ?? (/\.tsv/i.test(path) ? '\t' : ',') }
    const remedy =
      'use .parquet, .csv, .tsv, .json, .jsonl or .ndjson, all but .parquet also with .gz or .zst, or set "delimiter" in the schema'
    throw new LogError('no known extension', remedy, { file: path })
  })
}

/** @throws LogError where a path that is no glob leads nowhere */
export function checkThere(data: string): void {
  if (!isThere(data) && !/[*?[]/.test(data)) throw new LogError('no such file', 'check the path', { file: data })
}

async function matches(connection: DuckDBConnection, data: string): Promise<string[]> {
  checkThere(data)
  const result = await connection.runAndReadAll(`SELECT file FROM glob(${literal(data)}) ORDER BY file`)
  const paths = result.getRows().map(([file]) => String(file))
  if (paths.length === 0) throw new LogError('no file matches', 'check the glob', { file: data })
  return paths
}

export function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function checkReadable(path: string): void {
  if (statSync(path).isDirectory()) {
    throw new LogError('is a folder', `name its files by a glob such as ${path}/*.parquet`, { file: path })
  }
  try {
    accessSync(path, constants.R_OK)
  } catch (cause) {
    throw new LogError('cannot be read', 'check its permissions', { file: path }, { cause })
  }
}
