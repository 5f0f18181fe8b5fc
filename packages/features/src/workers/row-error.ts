/** A row that cannot be encoded; `cause` is the StateError or EventError that encoding it on the spot throws. */
export class RowError extends Error {
  override readonly name = 'RowError'
  /** Its place among the rows of the call. */
  readonly row: number

  constructor(row: number, cause: Error) {
    super(`row ${row}: ${cause.message}`, { cause })
    this.row = row
  }
}

/** Rows that no worker encodes: the pool is closed, has too many calls under way, or lost the worker that had them. */
export class RowWorkersError extends Error {
  override readonly name = 'RowWorkersError'
  readonly reason: 'closed' | 'busy' | 'died'

  constructor(reason: 'closed' | 'busy' | 'died', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.reason = reason
  }
}
