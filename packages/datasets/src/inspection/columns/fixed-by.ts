import type { DuckDBConnection } from '@duckdb/node-api'
import type { Column } from '../../files/column.ts'

/**
 * Of the keys with several rows, the share of those of which a column has one value. Keys that have the column's most frequent
 * value alone tell nothing: a click that is rare is missing in all rows of most users, and is no attribute of them.
 */
export async function fixedBy(
  connection: DuckDBConnection,
  table: string,
  key: Column,
  column: Column,
): Promise<number> {
  const value = `hash(CAST(${column.text()} AS VARCHAR))`
  const result = await connection.runAndReadAll(
    `WITH keys AS (SELECT count(*) AS n, min(${value}) AS low, max(${value}) AS high FROM ${table}
        WHERE ${column.text()} IS NOT NULL GROUP BY ${key.text()}),
      usual AS (SELECT mode(${value}) AS most FROM ${table} WHERE ${column.text()} IS NOT NULL)
    SELECT COALESCE(avg(CASE WHEN low = high THEN 1 ELSE 0 END), 0) FROM keys, usual
    WHERE n > 1 AND (low <> most OR high <> most)`,
  )
  return Number(result.getRows()[0][0])
}
