import type { DuckDBConnection } from '@duckdb/node-api'
import { findLogFiles, type LogFile } from '../../files/log-files.ts'
import { LogError } from '../../log/log-error.ts'
import { findDialect } from './dialect.ts'
import { textLines } from './text-lines.ts'

/** Files of one log, and what their schema must say of how they are read. */
export interface FoundForm {
  readonly files: readonly LogFile[]
  /** Where it is not what the extension says. */
  readonly delimiter?: string
  /** Where the first line names none. */
  readonly columns?: readonly string[]
}

/**
 * How the files of a log are written, by the first of them.
 * @param limit bytes of a file that are looked at
 * @throws LogError where a file is missing, empty, no text, has lines of over a megabyte or one column
 */
export async function findForm(connection: DuckDBConnection, data: string, limit?: number): Promise<FoundForm> {
  const isKnown = /\.(parquet|(csv|tsv|json|jsonl|ndjson)(\.gz|\.zst)?)$/i.test(data)
  const files = await findLogFiles(connection, data, isKnown ? undefined : ',')
  const [{ path, format, delimiter: usual }] = files
  // What is in a .zst file is known only when DuckDB reads it.
  if (format === 'parquet' || /\.zst$/i.test(path)) return { files }
  const lines = await textLines(path, { isOneLine: format === 'json', ...(limit !== undefined && { limit }) })
  if (format !== 'csv') return { files }
  if (/^\s*[[{]/.test(lines[0]))
    throw new LogError('holds JSON', 'name it .jsonl, or .json if it is one array', { file: path })
  const dialect = findDialect(lines)
  if (dialect === null) {
    const remedy = 'a log needs a user, an item and a time in each row, parted by a comma, a tab, ";", "|" or "::"'
    throw new LogError('has one column', remedy, { file: path })
  }
  const { delimiter, columns, hasHeader } = dialect
  const isOther = !isKnown || delimiter !== usual
  return {
    files: isOther ? await findLogFiles(connection, data, delimiter) : files,
    ...(isOther && { delimiter }),
    ...(!hasHeader && { columns }),
  }
}
