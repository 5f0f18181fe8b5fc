import type { DuckDBConnection } from '@duckdb/node-api'

/** Gets the share that is done of a longer work, 0 to 1; it never falls. */
export type OnShare = (share: number) => void

/** Between two questions how far a query is. */
const pollMs = 100

/** Work of several steps as one share of the whole. Each step is a part of it, by what it costs in the usual case. */
export class Steps {
  readonly #onShare: OnShare | undefined
  readonly #whole: number
  /** Parts that are over. */
  #over = 0
  #told = 0

  /** @param whole the sum of all parts */
  constructor(whole: number, onShare: OnShare | undefined) {
    this.#whole = whole
    this.#onShare = onShare
  }

  /** A step that tells its own share. */
  async step<T>(part: number, body: (advance: OnShare) => Promise<T>): Promise<T> {
    const result = await body((share) => this.#tell(this.#over + part * Math.min(1, Math.max(0, share))))
    this.#over += part
    this.#tell(this.#over)
    return result
  }

  /** A step that is one query on a connection of a `LogDatabase`, whose share DuckDB knows. */
  query<T>(part: number, connection: DuckDBConnection, run: () => Promise<T>): Promise<T> {
    if (this.#onShare === undefined) return run()
    return this.step(part, async (advance) => {
      // Negative where DuckDB does not know.
      const poll = setInterval(() => advance(connection.progress.percentage / 100), pollMs)
      try {
        return await run()
      } finally {
        clearInterval(poll)
      }
    })
  }

  #tell(done: number): void {
    const share = Math.min(1, done / this.#whole)
    if (share <= this.#told) return
    this.#told = share
    this.#onShare?.(share)
  }
}
