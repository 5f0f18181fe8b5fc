/** What is kept of each step of time. Times are seconds, but `atMs`; NaN where there was nothing to measure. */
export const historyColumns = [
  /** End of the step, milliseconds since 1970. */
  'atMs',
  /** How long it was. */
  'seconds',
  'reads',
  'readP50',
  'readP99',
  'fresh',
  'stale',
  'default',
  'unavailable',
  'events',
  'landed',
  'failed',
  'shed',
  /** At its end: users that wait, and how long the first of them has. */
  'queueUsers',
  'queueOldest',
  'freshnessP50',
  'freshnessP99',
] as const

export type HistoryColumn = (typeof historyColumns)[number]
export type HistoryRow = Readonly<Record<HistoryColumn, number>>

export class History {
  readonly stepMs: number
  readonly #steps: number
  readonly #rows: HistoryRow[] = []

  constructor(stepMs: number, steps: number) {
    this.stepMs = stepMs
    this.#steps = steps
  }

  add(row: HistoryRow): void {
    if (this.#rows.push(row) > this.#steps) this.#rows.shift()
  }

  /** Steps that ended after a time: columns of equal length, oldest first. */
  after(ms: number): Readonly<Record<HistoryColumn, readonly (number | null)[]>> {
    const rows = this.#rows.filter(({ atMs }) => atMs > ms)
    return Object.fromEntries(historyColumns.map((name) => [name, rows.map((row) => shown(row[name]))])) as Record<
      HistoryColumn,
      (number | null)[]
    >
  }
}

/** Six digits are more than a chart shows, and JSON has no NaN. */
const shown = (value: number) => (Number.isNaN(value) ? null : value > 1e9 ? value : Number(value.toPrecision(6)))
