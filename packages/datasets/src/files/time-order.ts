import type { DuckDBConnection } from '@duckdb/node-api'
import type { Schema } from '@headwater/features'
import type { OnShare } from './steps.ts'

/** Of the rows that are sorted at once: DuckDB needs several times as much, and fails where lists do not fit its memory. */
const sliceBytes = 2 ** 26
const rowBytes = 128
const mostSlices = 4_096

/**
 * Makes the table `events` of the table `unsorted`, which goes: the good rows in time order, where equal times keep the order
 * of the files and of the rows in them, then the bad ones, whose `problem` is not null. Rows are sorted by slices of time, so
 * that memory does not limit their number.
 *
 * @param sliceRows about as many at once, but all of one time
 * @param onShare gets the share of the slices that are done
 */
export async function sortByTime(
  connection: DuckDBConnection,
  schema: Schema,
  sliceRows = Math.ceil(sliceBytes / bytesOf(schema)),
  onShare?: OnShare,
): Promise<void> {
  await connection.run('CREATE TABLE events AS SELECT * FROM unsorted LIMIT 0')
  const slices = await slicesOf(connection, sliceRows)
  for (const [i, slice] of slices.entries()) {
    await connection.run(
      `INSERT INTO events SELECT * FROM unsorted WHERE problem IS NULL AND ${slice} ORDER BY time_ms, file, "row"`,
    )
    onShare?.((i + 1) / slices.length)
  }
  await connection.run('INSERT INTO events SELECT * FROM unsorted WHERE problem IS NOT NULL')
  await connection.run('DROP TABLE unsorted')
}

/** Conditions on time that part the good rows, in the order of time. */
async function slicesOf(connection: DuckDBConnection, sliceRows: number): Promise<string[]> {
  const good = 'FROM unsorted WHERE problem IS NULL'
  const counted = await connection.runAndReadAll(`SELECT count(*) ${good}`)
  const slices = Math.min(mostSlices, Math.ceil(Number(counted.getRows()[0][0]) / sliceRows))
  if (slices < 2) return ['true']
  const parts = Array.from({ length: slices - 1 }, (_, i) => (i + 1) / slices)
  const found = await connection.runAndReadAll(
    `SELECT DISTINCT unnest(approx_quantile(time_ms, [${parts.join(', ')}])) AS bound ${good} ORDER BY bound`,
  )
  const bounds = found.getRows().map(([bound]) => `CAST(${bound} AS DOUBLE)`)
  const from = ['true', ...bounds.map((bound) => `time_ms >= ${bound}`)]
  const to = [...bounds.map((bound) => `time_ms < ${bound}`), 'true']
  return from.map((condition, i) => `${condition} AND ${to[i]}`)
}

/** Of a row in memory, roughly. */
function bytesOf({ fields }: Schema): number {
  const bytes = fields.map(({ type, size = 0 }) => (type === 'ids' ? 128 : 16 + 4 * size))
  return bytes.reduce((sum, of) => sum + of, rowBytes)
}
