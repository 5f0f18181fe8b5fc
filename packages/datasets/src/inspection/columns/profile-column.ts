import type { DuckDBConnection } from '@duckdb/node-api'
import type { Column } from '../../files/column.ts'
import { literal } from '../../files/sql.ts'
import type { ColumnProfile, ListProfile } from './profile.ts'

const separators = ['|', ';', ', ', ',']
/** Of values, that hold a separator, for a column to be looked at as one of lists: commas stand in sentences as well. */
const listShare = { '|': 0.02, ';': 0.02, ', ': 0.2, ',': 0.2 } as Record<string, number>
const secondsOf1990 = 631_152_000
const secondsOf2100 = 4_102_444_800
const epochs = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 } as const

/**
 * Looks at one column of a table with a row number `n`.
 * @param name what the log calls it
 * @param column what the table calls it
 */
export async function profileColumn(
  connection: DuckDBConnection,
  table: string,
  name: string,
  column: Column,
): Promise<ColumnProfile> {
  const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRows()[0]
  const isList = column.kind === 'list'
  const [rows, known, distinct, numeric, whole, min, max, low, high, iso, otherDate, objects, arrays, length, ordered] =
    (
      await ask(
        `WITH v AS (SELECT n, ${isList ? `CAST(${column.text()} AS VARCHAR)` : column.text()} AS t,
          ${isList ? 'CAST(NULL AS DOUBLE)' : column.number()} AS x FROM ${table}),
        w AS (SELECT *, lag(x) OVER (ORDER BY n) AS before FROM v)
      SELECT count(*), count(*) FILTER (WHERE t <> ''), count(DISTINCT hash(t)) FILTER (WHERE t <> ''),
        count(x), count(*) FILTER (WHERE x = floor(x)), COALESCE(min(x), 0), COALESCE(max(x), 0),
        COALESCE(quantile_disc(x, 0.01), 0), COALESCE(quantile_disc(x, 0.99), 0),
        count(*) FILTER (WHERE regexp_matches(t, '^\\d{4}-\\d{2}-\\d{2}') AND TRY_CAST(t AS TIMESTAMPTZ) IS NOT NULL),
        count(*) FILTER (WHERE regexp_matches(t, '^\\d{1,4}[./-]\\d{1,2}[./-]\\d{1,4}')),
        count(*) FILTER (WHERE t LIKE '{%'), count(*) FILTER (WHERE t LIKE '[%'), COALESCE(avg(length(t)), 0),
        COALESCE(avg(CASE WHEN x >= before THEN 1 ELSE 0 END) FILTER (WHERE before IS NOT NULL), 0)
      FROM w`,
      )
    ).map(Number)
  const of = (count: number) => (known === 0 ? 0 : count / known)
  const list = await listOf(ask, table, column, { known, distinct, arrays })
  return {
    name,
    kind: column.kind,
    ...{ rows, known, distinct, min, max, length, ordered, list },
    numeric: of(numeric),
    whole: of(whole),
    iso: column.kind === 'timestamp' ? of(known) : of(iso),
    otherDate: of(otherDate - iso),
    epoch: of(numeric) > 0.98 ? epochOf(low, high) : null,
    nested: of(objects + (list === null ? arrays : 0)),
  }
}

function epochOf(low: number, high: number): ColumnProfile['epoch'] {
  const found = Object.entries(epochs).find(
    ([, scale]) => low >= secondsOf1990 * scale && high <= secondsOf2100 * scale,
  )
  return (found?.[0] ?? null) as ColumnProfile['epoch']
}

type Ask = (sql: string) => Promise<readonly unknown[]>

async function listOf(
  ask: Ask,
  table: string,
  column: Column,
  { known, distinct, arrays }: { readonly known: number; readonly distinct: number; readonly arrays: number },
): Promise<ListProfile | null> {
  if (known === 0) return null
  const entriesOf = async (entries: string) =>
    Number((await ask(`SELECT count(DISTINCT hash(e)) FROM (SELECT unnest(${entries}) AS e FROM ${table})`))[0])
  const isOwn = column.kind === 'list' || (column.kind === 'json' && arrays > 0.5 * known)
  if (isOwn) {
    const [lists, least, most, numbers] = (
      await ask(
        `SELECT count(l), COALESCE(min(len(l)), 0), COALESCE(max(len(l)), 0), count(*) FILTER (WHERE len(list_filter(d, lambda e: e IS NOT NULL)) = len(l))
        FROM (SELECT ${column.texts()} AS l, ${column.numbers()} AS d FROM ${table})`,
      )
    ).map(Number)
    const isVector = lists > 0 && numbers === lists && least === most && least > 1
    return { separator: null, entries: await entriesOf(column.texts()), size: isVector ? least : null }
  }
  if (column.kind === 'scalar' || column.kind === 'timestamp') return null
  for (const separator of separators) {
    const mark = literal(separator)
    const [holding] = await ask(`SELECT count(*) FILTER (WHERE contains(${column.text()}, ${mark})) FROM ${table}`)
    if (Number(holding) < listShare[separator] * known || Number(holding) === 0) continue
    const entries = await entriesOf(`string_split(${column.text()}, ${mark})`)
    // Names and sentences have other parts in each value, lists the same ones again and again.
    const isFew = (separator === '|' || separator === ';') && entries <= Math.min(64, distinct + 16)
    if (entries < 0.5 * distinct || isFew) return { separator, entries, size: null }
  }
  return null
}
