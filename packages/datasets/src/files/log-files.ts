import { accessSync, constants, statSync } from 'node:fs'
import type { DuckDBConnection } from '@duckdb/node-api'
import { LogError } from '../log/log-error.ts'
import { literal } from './sql.ts'

type LogFormat = 'parquet' | 'csv' | 'jsonl'

export interface LogFile {
  readonly path: string
  readonly format: LogFormat
}

const formats: readonly [RegExp, LogFormat][] = [
  [/\.parquet$/i, 'parquet'],
  [/\.csv(\.gz|\.zst)?$/i, 'csv'],
  [/\.(jsonl|ndjson)(\.gz|\.zst)?$/i, 'jsonl'],
]

/**
 * The files that a path or glob stands for, sorted by path. A path that exists is taken literally.
 * @throws LogError where nothing matches, a file cannot be read or its extension is unknown
 */
export async function findLogFiles(connection: DuckDBConnection, data: string): Promise<LogFile[]> {
  // DuckDB drops doubled slashes: without them it reports a file by the path that we know it by.
  const paths = isThere(data) ? [data.replace(/\/{2,}/g, '/')] : await matches(connection, data)
  return paths.map((path) => {
    checkReadable(path)
    const format = formats.find(([extension]) => extension.test(path))?.[1]
    if (format !== undefined) return { path, format }
    const remedy = 'use .parquet, .csv, .jsonl or .ndjson; .csv, .jsonl and .ndjson also with .gz or .zst'
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

function isThere(path: string): boolean {
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
