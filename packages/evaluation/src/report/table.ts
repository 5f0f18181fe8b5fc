/** Tables of text. */

export interface FigureTable {
  readonly title: string
  readonly head: readonly string[]
  /** The first cell names the row. */
  readonly rows: readonly (readonly string[])[]
}

/** Of a table: its head, and its cell in an item's row. */
type Column<T> = readonly [head: string, cell: (item: T, place: number) => string]

/** A table with a row for each item. */
export function tableOf<T>(title: string, items: readonly T[], columns: readonly Column<T>[]): FigureTable {
  const rows = items.map((item, i) => columns.map(([, cell]) => cell(item, i)))
  return { title, head: columns.map(([head]) => head), rows }
}
