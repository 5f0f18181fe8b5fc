/** What a world must tell of itself to be opened as a log or written as files. */
import type { LogEvent, Schema } from '@headwater/features'
import type { TimeRange } from '../log/log.ts'

export interface SyntheticSource<Row extends { readonly event: LogEvent } = { readonly event: LogEvent }> {
  readonly seed: number
  readonly setting: { readonly days: number }
  readonly schema: Schema
  readonly rowsPerDay: number
  /** Of a day's first and last row. */
  spanOfDay(day: number): { readonly firstMs: number; readonly lastMs: number }
  /** The rows of one day after the other, in time order. A day's rows are made as they are read, and need not be read. */
  days(): Generator<Iterable<Row>>
  readonly tables: SyntheticTables<Row>
}

/** How a world's rows become Parquet: numbers are appended to a table `impressions`, from which DuckDB selects. */
export interface SyntheticTables<Row> {
  /** Names of the columns of `impressions`, all DOUBLE; one is `log_row`. */
  readonly names: readonly string[]
  /** Their values, [names][rows]. */
  columnsOf(rows: readonly Row[]): (number | null)[][]
  /** Tables of vectors, each with the place in the list as its key, that are joined to them. */
  readonly vectors: readonly { table: string; key: string; name: string; values: readonly Float32Array[] }[]
  /** What is selected for the log, and from which tables. */
  readonly log: string
  /** What is selected for the truth, the row apart. */
  readonly truth: string
}

/** Columns by what each has of a row. */
export function tableColumns<Row>(columns: Readonly<Record<string, (row: Row) => number | null>>) {
  const values = Object.values(columns)
  return { names: Object.keys(columns), columnsOf: (rows: readonly Row[]) => values.map((value) => rows.map(value)) }
}

/** A world's rows in time order; memory holds one day's requests. */
export function* rowsOf<Row extends { readonly event: LogEvent }>(
  source: SyntheticSource<Row>,
  { from = -Infinity, to = Infinity }: TimeRange = {},
): Generator<Row> {
  let day = 0
  for (const rows of source.days()) {
    const { firstMs, lastMs } = source.spanOfDay(day++)
    if (lastMs < from) continue
    if (firstMs >= to) return
    for (const row of rows) if (row.event.timeMs >= from && row.event.timeMs < to) yield row
  }
}
