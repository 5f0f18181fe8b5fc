import { parseCsvHeader } from '../../files/csv-header.ts'

/** How a file of delimited text is to be read. */
export interface Dialect {
  readonly delimiter: string
  /** Names of the columns, `column1` and so on where the first line is a row. */
  readonly columns: readonly string[]
  readonly hasHeader: boolean
}

/** The ones before are preferred where several part the lines alike. `|` comes last, as it parts lists too. */
const delimiters = ['::', '\t', ',', ';', '|']
/** Of the lines that have as many cells as most: some may be broken, or be part of a value that spans lines. */
const fewestAlike = 0.8

/** Null where nothing parts the lines into several columns. */
export function findDialect(lines: readonly string[]): Dialect | null {
  let best: { delimiter: string; cells: number } | null = null
  for (const delimiter of delimiters) {
    const counts = new Map<number, number>()
    for (const line of lines) {
      const cells = parseCsvHeader(line, delimiter).length
      counts.set(cells, (counts.get(cells) ?? 0) + 1)
    }
    const [cells, alike] = [...counts].reduce((most, next) => (next[1] > most[1] ? next : most))
    if (cells > 1 && alike >= fewestAlike * lines.length && cells > (best?.cells ?? 1)) best = { delimiter, cells }
  }
  if (best === null) return null
  const { delimiter } = best
  const first = parseCsvHeader(lines[0], delimiter)
  const hasHeader = isHeader(first)
  return { delimiter, hasHeader, columns: hasHeader ? first : first.map((_, i) => `column${i + 1}`) }
}

/** Each row of a log has a time, which no name looks like. */
function isHeader(cells: readonly string[]): boolean {
  return new Set(cells).size === cells.length && !cells.some((cell) => isValue(cell))
}

function isValue(cell: string): boolean {
  return (cell.trim() !== '' && Number.isFinite(Number(cell))) || /^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}/.test(cell)
}
