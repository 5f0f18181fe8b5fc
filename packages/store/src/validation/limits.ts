import { RequestError } from './errors.ts'
import { checkDuration, checkInteger } from './numbers.ts'

const dayMs = 86_400_000
/** A record of events counts them in 16 bits. */
const maxHeldEvents = 65_535

/** What a store refuses and for how long it keeps things. */
export interface StoreLimits {
  /** Rows of one call. Default 1,048,576. */
  readonly maxBatchRows: number
  /** How far a feature's or an event's time may lie ahead of the time at which it is written. Default: a day. */
  readonly maxFutureMs: number
  /** Events kept of a user, L. 1 … 65,535; default 256. */
  readonly maxEvents: number
  /** How long a tombstone keeps late work from bringing a user back. Default: 90 days. */
  readonly tombstoneRetentionMs: number
}

/** @throws RequestError */
export function limitsOf(options: Partial<StoreLimits>): StoreLimits {
  const { maxBatchRows = 2 ** 20, maxFutureMs = dayMs, maxEvents = 256 } = options
  const { tombstoneRetentionMs = 90 * dayMs } = options
  checkInteger('maxBatchRows', maxBatchRows, 1)
  checkInteger('maxEvents', maxEvents, 1, maxHeldEvents)
  checkDuration('maxFutureMs', maxFutureMs)
  checkDuration('tombstoneRetentionMs', tombstoneRetentionMs)
  return { maxBatchRows, maxFutureMs, maxEvents, tombstoneRetentionMs }
}

/** @throws RequestError */
export function checkRows(what: string, rows: number, { maxBatchRows }: StoreLimits): void {
  if (rows <= maxBatchRows) return
  throw new RequestError(`${rows} ${what} in one call are over the limit of ${maxBatchRows}; send them in slices`)
}
