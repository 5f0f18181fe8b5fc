/** What is legal in a log and still may be a mistake: it is warned about, and the log is used as it is. */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { Schema } from '@headwater/features'
import type { LogFile } from './log-files.ts'

/** Parts of a log's span that rows are counted in, to find times far from all others. */
const parts = 1024
/** Times are far from the others where a gap of more than this part of the span lies between, and they are few. */
const farGap = 0.5
const farShare = 0.01
/** Rows of which a column may well have one value and none be suspicious. */
const fewRows = 100

/** Rows of one part of the span. */
export interface CountedTimes {
  readonly firstMs: number
  readonly lastMs: number
  readonly rows: number
}

/** Warnings about the table `events`: rows that are there twice, columns of one value, times far from all others. */
export async function suspicionsOf(
  connection: DuckDBConnection,
  files: readonly LogFile[],
  schema: Schema,
): Promise<string[]> {
  const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRows()
  const columns = schema.fields.map((_, i) => `f${i}`)
  const warnings: string[] = []

  const [[rows, twice]] = await ask(
    `SELECT CAST(sum(n) AS DOUBLE), CAST(sum(n - 1) AS DOUBLE) FROM
      (SELECT count(*) AS n FROM events WHERE problem IS NULL
      GROUP BY time_ms, hash(${['user_key', 'item_key', ...columns].join(', ')}))`,
  )
  if (rows === null) return []
  const all = Number(rows).toLocaleString('en')
  if (Number(twice) > 0)
    warnings.push(`${Number(twice).toLocaleString('en')} of ${all} rows repeat an earlier one in every column.`)

  const [counts] = await ask(
    `SELECT ${['user_key', 'item_key', ...columns].map((c) => `count(${c}), min(${c}) IS NOT DISTINCT FROM max(${c})`).join(', ')}
    FROM events WHERE problem IS NULL`,
  )
  const names = [schema.user, schema.item, ...schema.fields.map(({ name }) => name)]
  names.forEach((name, i) => {
    if (Number(rows) < fewRows || name === schema.negatives?.outcome) return
    const [known, isConstant] = [Number(counts[2 * i]), counts[2 * i + 1]]
    if (known === 0) warnings.push(`"${name}" is missing in all ${all} rows.`)
    else if (isConstant && known === Number(rows)) warnings.push(`"${name}" has one value in all ${all} rows.`)
  })

  const counted = await ask(
    `SELECT min(time_ms), max(time_ms), CAST(count(*) AS DOUBLE) FROM events,
      (SELECT min(time_ms) AS first, max(time_ms) - min(time_ms) AS span FROM events WHERE problem IS NULL)
    WHERE problem IS NULL GROUP BY floor((time_ms - first) / span * ${parts}) ORDER BY 1`,
  )
  const times = counted.map((row): CountedTimes => {
    const [firstMs, lastMs, rows] = row.map(Number)
    return { firstMs, lastMs, rows }
  })
  for (const { firstMs, lastMs, rows } of farTimes(times)) {
    const [[file, row]] = await ask(
      `SELECT file, CAST("row" AS DOUBLE) FROM events
      WHERE problem IS NULL AND time_ms BETWEEN ${firstMs} AND ${lastMs} ORDER BY file, "row" LIMIT 1`,
    )
    warnings.push(
      `${rows === 1 ? '1 row lies' : `${rows.toLocaleString('en')} rows lie`} far from all others in time, from ${iso(firstMs)} to ${iso(lastMs)}: look at ${files[Number(file)].path}, row ${row}, field "${schema.time.column}".`,
    )
  }
  return warnings
}

/** Runs of few rows at either end of a log with a gap behind them that is longer than all the rest. */
export function farTimes(times: readonly CountedTimes[]): CountedTimes[] {
  const rows = times.reduce((sum, part) => sum + part.rows, 0)
  const found: CountedTimes[] = []
  let rest = [...times]
  for (;;) {
    const span = rest[rest.length - 1].lastMs - rest[0].firstMs
    const gap = rest.findIndex((part, i) => i > 0 && part.firstMs - rest[i - 1].lastMs > farGap * span)
    if (gap < 0) return found
    const [before, after] = [joined(rest.slice(0, gap)), joined(rest.slice(gap))]
    const [far, left] = before.rows <= after.rows ? [before, rest.slice(gap)] : [after, rest.slice(0, gap)]
    if (far.rows > farShare * rows) return found
    found.push(far)
    rest = left
  }
}

function joined(times: readonly CountedTimes[]): CountedTimes {
  const { firstMs } = times[0]
  return { firstMs, lastMs: times[times.length - 1].lastMs, rows: times.reduce((sum, part) => sum + part.rows, 0) }
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.000Z$/, 'Z')
}
