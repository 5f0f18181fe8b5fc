import type { DuckDBConnection } from '@duckdb/node-api'
import type { Column } from '../../files/column.ts'
import type { FieldRole } from '../roles/find-roles.ts'
import type { FoundTime } from '../roles/find-time.ts'
import type { ListMeasures, LogMeasures, NumberMeasures, OutcomeMeasures } from './measures.ts'

/** Of the rows in time order: those behind are left for judging what is proposed here. */
const judgedFrom = 0.72
/** Different values up to which each is a threshold of its own. */
const mostLevels = 50
const hourMs = 3_600_000
const dayMs = 86_400_000
/** Values of a list beyond these have no slot of their own. */
const mostValues = 32
const fewestShare = 0.005

/** Where a log's rows are. */
export interface MeasuredLog {
  readonly table: string
  /** As the table calls the log's columns. */
  column(name: string): Column
  readonly user: string
  readonly item: string
  readonly time: FoundTime
  /** Without those that are left out. */
  readonly fields: readonly FieldRole[]
}

export async function measureLog(connection: DuckDBConnection, log: MeasuredLog): Promise<LogMeasures> {
  const { table, column, fields } = log
  const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRows()
  await connection.run(
    `CREATE OR REPLACE TABLE timed AS SELECT *, ${column(log.user).text()} AS "user key", ${column(log.item).text()} AS "item key",
      ${column(log.time.column).timeMs(log.time.unit)} AS "time ms" FROM ${table}`,
  )
  const [[rows, users, items, firstMs, lastMs, cutMs, midnights]] = (
    await ask(
      `SELECT count("time ms"), approx_count_distinct("user key"), approx_count_distinct("item key"), min("time ms"), max("time ms"),
        quantile_disc("time ms", ${judgedFrom}), count(*) FILTER (WHERE CAST("time ms" AS BIGINT) % ${dayMs} = 0) FROM timed`,
    )
  ).map((row) => row.map(Number))
  await connection.run(
    `CREATE OR REPLACE VIEW early AS SELECT * FROM timed WHERE "time ms" <= CAST(${cutMs} AS DOUBLE)`,
  )
  const [[gap, median, high]] = await ask(
    `WITH ranked AS (SELECT "time ms" - lag("time ms") OVER w AS gap, row_number() OVER w - 1 AS earlier FROM early
        WINDOW w AS (PARTITION BY "user key" ORDER BY "time ms"))
    SELECT quantile_cont(gap, 0.5) FILTER (WHERE gap >= ${hourMs}), quantile_disc(earlier, 0.5), quantile_disc(earlier, 0.9) FROM ranked`,
  )
  const outcomes = new Map<string, OutcomeMeasures>()
  const numbers = new Map<string, NumberMeasures>()
  const categories = new Map<string, ListMeasures>()
  for (const { column: name, of, type, separator } of fields) {
    if (type === 'float' && of === 'outcome') outcomes.set(name, await outcomeOf(ask, column(name).number()))
    else if (type === 'float') numbers.set(name, await numberOf(ask, column(name).number()))
    else if (type === 'id') categories.set(name, await listOf(ask, `[${column(name).text()}]`, rows))
    else if (type === 'ids') categories.set(name, await listOf(ask, column(name).texts(separator), rows))
  }
  return {
    ...{ rows, users, items, firstMs, lastMs, outcomes, numbers, categories },
    hasHours: midnights < 0.98 * rows,
    visitGapDays: gap === null ? null : Number(gap) / dayMs,
    history: { median: Number(median), high: Number(high) },
  }
}

type Ask = (sql: string) => Promise<readonly (readonly unknown[])[]>

async function outcomeOf(ask: Ask, value: string): Promise<OutcomeMeasures> {
  const from = `FROM (SELECT ${value} AS x FROM early) WHERE x IS NOT NULL`
  const [[known, mean, deviation, distinct]] = (
    await ask(`SELECT count(*), avg(x), COALESCE(stddev_samp(x), 0), count(DISTINCT x) ${from}`)
  ).map((row) => row.map(Number))
  const few = `SELECT DISTINCT x ${from}`
  const deciles = `SELECT DISTINCT unnest(quantile_disc(x, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])) ${from}`
  const levels = (await ask(distinct <= mostLevels ? few : deciles)).map(([x]) => Number(x)).sort((a, b) => a - b)
  const counted = levels.map((level) => `count(*) FILTER (WHERE x >= CAST(${level} AS DOUBLE))`)
  const [atLeast = []] = levels.length === 0 ? [] : await ask(`SELECT ${counted.join(', ')} ${from}`)
  return {
    mean,
    deviation,
    levels: levels.map((level, i) => ({ atLeast: level, rate: Number(atLeast[i]) / known })),
    isBinary: levels.length === 2 && levels[0] === 0 && levels[1] === 1,
  }
}

async function numberOf(ask: Ask, value: string): Promise<NumberMeasures> {
  const [[median, low, high]] = (
    await ask(
      `SELECT COALESCE(quantile_disc(x, 0.5), 0), COALESCE(quantile_disc(x, 0.1), 0), COALESCE(quantile_disc(x, 0.9), 0)
      FROM (SELECT ${value} AS x FROM early)`,
    )
  ).map((row) => row.map(Number))
  return { median, spread: high - low }
}

async function listOf(ask: Ask, entries: string, rows: number): Promise<ListMeasures> {
  const from = `FROM (SELECT unnest(${entries}) AS e FROM timed) WHERE e <> ''`
  const found = await ask(
    `SELECT e, count(*) AS n ${from} GROUP BY e HAVING n >= ${fewestShare * rows} ORDER BY n DESC, e LIMIT ${mostValues}`,
  )
  const [[distinct]] = await ask(`SELECT count(DISTINCT e) ${from}`)
  const [[longest]] = await ask(`SELECT COALESCE(quantile_disc(len(${entries}), 0.99), 1) FROM timed`)
  return { values: found.map(([e]) => String(e)), longest: Number(longest), distinct: Number(distinct) }
}
