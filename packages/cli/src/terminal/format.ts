/** How commands print numbers and tables. */

export const count = (value: number) => Math.round(value).toLocaleString('en')

/** A count and the name of what is counted. @param several the plural @param one needed where it is not the plural without its `s` */
export const counted = (value: number, several: string, one = several.replace(/s$/, '')) =>
  `${count(value)} ${value === 1 ? one : several}`

/** Rows as lines; a column is as wide as its widest cell. @param isRight whether a column is aligned to the right, as numbers are */
export function table(
  rows: readonly (readonly string[])[],
  isRight: (column: number) => boolean = () => false,
): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const cells = (row: readonly string[]) =>
    row.map((cell, column) => (isRight(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
  return rows.map((row) => `${cells(row).join('  ').trimEnd()}\n`).join('')
}
