/** One row of a log that cannot be used. */
export interface BadRow {
  readonly file: string
  /** Data row in the file, from 1. */
  readonly row: number
  /** Line of a CSV file, from 1: header and rows, counted as if no value spanned lines. */
  readonly line?: number
  /** Name of the schema's field, or of the user, item or time column. */
  readonly field?: string
  readonly reason: string
}

/** A log that cannot be read: what is wrong, where, and what to do. */
export class LogError extends Error {
  override readonly name = 'LogError'
  readonly file?: string
  readonly row?: number
  readonly line?: number
  readonly field?: string
  readonly reason: string
  readonly remedy: string

  constructor(reason: string, remedy: string, where: Partial<Omit<BadRow, 'reason'>> = {}, options?: ErrorOptions) {
    super(`${placeOf(where)}${reason}; ${remedy}`, options)
    Object.assign(this, where)
    this.reason = reason
    this.remedy = remedy
  }
}

/** More rows are bad than `maxBadRows` allows: the place is the first one's, the message lists a few more. */
export function badRowsError(badRows: readonly BadRow[], count: number, maxBadRows: number): LogError {
  const [first, ...others] = badRows
  const next = others.slice(0, 4).map((row) => `\n  ${placeOf(row)}${row.reason}`)
  const skip = `with maxBadRows ${count} (--max-bad-rows ${count})`
  const remedy =
    count === 1
      ? `correct the row, or skip it ${skip}`
      : `${count} rows are bad and maxBadRows is ${maxBadRows}; correct them, or skip them ${skip}; next:`
  return new LogError(first.reason, remedy + next.join(''), first)
}

function placeOf({ file, row, line, field }: Partial<BadRow>): string {
  const parts: string[] = []
  if (file !== undefined) parts.push(file)
  if (row !== undefined) parts.push(line === undefined ? `row ${row}` : `row ${row} (line ${line})`)
  if (field !== undefined) parts.push(`field "${field}"`)
  return parts.length === 0 ? '' : `${parts.join(', ')}: `
}
