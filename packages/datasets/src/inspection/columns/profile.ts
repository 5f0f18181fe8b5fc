import type { ColumnKind } from '../../files/column.ts'

/** What a column holds, found in the rows that were looked at. Shares are of the rows in which it has a value. */
export interface ColumnProfile {
  readonly name: string
  readonly kind: ColumnKind
  readonly rows: number
  /** Rows with a value that is not empty. */
  readonly known: number
  readonly distinct: number
  /** Of numbers, `true` and `false` counted in, and of whole ones. */
  readonly numeric: number
  readonly whole: number
  /** 0 where nothing is a number. */
  readonly min: number
  readonly max: number
  /** Of values that are ISO 8601 dates or times, and that are dates of another form, as 31/12/2026. */
  readonly iso: number
  readonly otherDate: number
  /** Of numbers that are times since 1970 in the years 1990 to 2100, if nearly all are. */
  readonly epoch: 's' | 'ms' | 'us' | 'ns' | null
  /** Of JSON objects, and of JSON lists that are written as text. */
  readonly nested: number
  /** Mean length of the values as text. */
  readonly length: number
  /** Set where values are lists. */
  readonly list: ListProfile | null
  /** Share of rows whose number is at least that of the row before in the file: 1 where a column is sorted. */
  readonly ordered: number
}

export interface ListProfile {
  /** What parts the entries; null where the file has lists of its own. */
  readonly separator: string | null
  /** Different entries. */
  readonly entries: number
  /** Of all lists, where they have one length and are of numbers alone; else null. */
  readonly size: number | null
}
