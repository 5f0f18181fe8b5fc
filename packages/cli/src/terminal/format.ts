/** How commands print numbers and tables. */

export const count = (value: number) => Math.round(value).toLocaleString('en')

/** A count and what is counted, which is named in the plural; a singular that does not just lack the `s` is given. */
export const counted = (value: number, several: string, one = several.replace(/s$/, '')) =>
  `${count(value)} ${value === 1 ? one : several}`

/** A row a line, columns as wide as their widest cell. @param isRight whether a column's cells end at one line, as numbers do */
export function table(
  rows: readonly (readonly string[])[],
  isRight: (column: number) => boolean = () => false,
): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const cells = (row: readonly string[]) =>
    row.map((cell, column) => (isRight(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
  return rows.map((row) => `${cells(row).join('  ').trimEnd()}\n`).join('')
}
