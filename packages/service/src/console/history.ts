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
/** Columns of equal length, oldest first. */
export type HistoryPart = Readonly<Record<HistoryColumn, readonly (number | null)[]>>

/** The last steps, in memory that does not grow. */
export class History {
  readonly stepMs: number
  readonly #steps: number
  /** [steps, columns] */
  readonly #values: Float64Array
  #written = 0

  constructor(stepMs: number, steps: number) {
    this.stepMs = stepMs
    this.#steps = steps
    this.#values = new Float64Array(steps * historyColumns.length)
  }

  add(row: HistoryRow): void {
    const at = (this.#written++ % this.#steps) * historyColumns.length
    for (const [c, name] of historyColumns.entries()) this.#values[at + c] = row[name]
  }

  /** Steps that ended after a time. */
  after(ms: number): HistoryPart {
    const rows: number[] = []
    for (let i = Math.max(0, this.#written - this.#steps); i < this.#written; i++) {
      const at = (i % this.#steps) * historyColumns.length
      if (this.#values[at] > ms) rows.push(at)
    }
    const column = (c: number) => rows.map((at) => shown(this.#values[at + c]))
    return Object.fromEntries(historyColumns.map((name, c) => [name, column(c)])) as unknown as HistoryPart
  }
}

/** Six digits are more than a chart shows, and JSON has no NaN. */
const shown = (value: number) => (Number.isNaN(value) ? null : value > 1e9 ? value : Number(value.toPrecision(6)))
