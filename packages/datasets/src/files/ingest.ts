import type { DuckDBConnection } from '@duckdb/node-api'
import type { Schema } from '@headwater/features'
import { type BadRow, badRowsError } from '../log/log-error.ts'
import { openJoins } from './joins.ts'
import type { LogFile } from './log-files.ts'
import { typedRows } from './row-checks.ts'
import { openSources, reading, schemaColumns } from './source.ts'
import { literal } from './sql.ts'
import type { Steps } from './steps.ts'
import { suspicionsOf } from './suspicions.ts'
import { sortByTime } from './time-order.ts'

/** Bad rows that are reported one by one; the others are only counted. */
const listedBadRows = 10

/** What its steps cost, of about 100. */
export const ingestParts = { read: 60, sort: 20, look: 20 }

/** What was found wrong with rows that are left out, and what may be wrong with the others. */
export interface Ingested {
  readonly badRows: BadRows
  readonly warnings: readonly string[]
}

export interface BadRows {
  readonly count: number
  /** The first ones, in the order of the files. */
  readonly listed: readonly BadRow[]
}

/**
 * Fills the table `events` from all files: the good rows in time order, where equal times keep the order of the files
 * and of the rows in them, then the bad ones, whose `problem` is not null.
 * @param joined as `openJoins` takes them
 * @param steps its parts are `ingestParts`
 * @throws LogError where a file cannot be read or more than `maxBadRows` rows are bad
 */
export async function ingest(
  connection: DuckDBConnection,
  files: readonly LogFile[],
  schema: Schema,
  maxBadRows: number,
  joined: readonly string[],
  steps: Steps,
): Promise<Ingested> {
  const joins = await openJoins(connection, joined, files, {
    columns: await schemaColumns(connection, files, schema),
    keys: [schema.item, schema.user],
    header: schema.columns,
  })
  const own = await openSources(connection, files, joins.ownColumns, schema.columns)
  const sources = own.map((source) => joins.joined(source))
  const rows = files.map((file, i) => `SELECT ${i} AS file, * FROM (${typedRows(file, sources[i], schema)})`)
  await reading(files, async () => {
    await steps.query(ingestParts.read, connection, () =>
      connection.run(`CREATE TABLE unsorted AS ${rows.join('\nUNION ALL\n')}`),
    )
    await steps.step(ingestParts.sort, (onShare) => sortByTime(connection, schema, undefined, onShare))
  })
  const badRows = await collectBadRows(connection, files, await takeRejects(connection, files))
  if (badRows.count > maxBadRows) throw badRowsError(badRows.listed, badRows.count, maxBadRows)
  const warnings = await steps.step(ingestParts.look, async () => [
    ...(await joins.warnings(connection, files)),
    ...(await suspicionsOf(connection, files, schema)),
  ])
  return { badRows, warnings }
}

/** Lines of CSV files that could not be split into columns; DuckDB keeps them in tables of their own. */
async function takeRejects(connection: DuckDBConnection, files: readonly LogFile[]): Promise<BadRows> {
  if (!files.some(({ format }) => format === 'csv')) return { count: 0, listed: [] }
  const order = files.map(({ path }, i) => `(${i}, ${literal(path)})`).join(', ')
  const result = await connection.runAndReadAll(
    `SELECT COALESCE(position, 0) AS position, line, first(error_message), count(*) OVER ()
    FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
    LEFT JOIN (VALUES ${order}) AS listed (position, file_path) USING (file_path)
    GROUP BY 1, 2 ORDER BY 1, 2 LIMIT ${listedBadRows}`,
  )
  const rows = result.getRows()
  return {
    count: Number(rows[0]?.[3] ?? 0),
    listed: rows.map(([position, line, error]) => ({
      file: files[Number(position)].path,
      row: Number(line) - 1,
      line: Number(line),
      reason: `cannot be split into columns: ${error}`,
    })),
  }
}

async function collectBadRows(
  connection: DuckDBConnection,
  files: readonly LogFile[],
  rejects: BadRows,
): Promise<BadRows> {
  const result = await connection.runAndReadAll(
    `SELECT file, "row", problem.field, problem.reason, count(*) OVER () FROM events WHERE problem IS NOT NULL
    ORDER BY file, "row" LIMIT ${listedBadRows}`,
  )
  const rows = result.getRows()
  const listed = files.flatMap(({ path, format }, i) => {
    const rejected = rejects.listed.filter(({ file }) => file === path)
    const untyped = rows.flatMap(([file, number, field, reason]): BadRow[] => {
      if (file !== i) return []
      const row = withRejectsBefore(Number(number), rejected)
      const line = format === 'csv' ? { line: row + 1 } : {}
      return [{ file: path, row, ...line, field: String(field), reason: String(reason) }]
    })
    return [...rejected, ...untyped].sort((a, b) => a.row - b.row)
  })
  return { count: rejects.count + Number(rows[0]?.[4] ?? 0), listed: listed.slice(0, listedBadRows) }
}

/** DuckDB numbers the rows without rejected lines: counts those in. Exact for the rows that are listed. */
function withRejectsBefore(number: number, rejected: readonly BadRow[]): number {
  let row = number
  for (const reject of rejected) if (reject.row <= row) row++
  return row
}
