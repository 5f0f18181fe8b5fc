import { FutureTimeError, RequestError } from './errors.ts'

/** @throws RequestError */
export function checkInteger(name: string, value: number, least: number, most = Infinity): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
  throw new RequestError(`${name} is ${value}; give an integer ${range}`)
}

/** Checks a length of time; it may be infinite. @throws RequestError */
export function checkDuration(name: string, durationMs: number): void {
  if (!(durationMs >= 0)) throw new RequestError(`${name} is ${durationMs}; give milliseconds, 0 or more`)
}

/** Checks a time; `row` is −1 for one that is not a row's. @throws RequestError */
export function checkTime(name: string, timeMs: number, row: number): void {
  if (Number.isFinite(timeMs) && timeMs >= 0) return
  throw new RequestError(`${name}${whereOf(row)} is ${timeMs}; give milliseconds since 1970`)
}

/** Checks that a time is not too far ahead of another. @throws FutureTimeError */
export function checkNotFuture(name: string, timeMs: number, row: number, nowMs: number, maxFutureMs: number): void {
  if (timeMs - nowMs <= maxFutureMs) return
  throw new FutureTimeError(
    `${name}${whereOf(row)} is ${timeMs}, ${timeMs - nowMs} ms after ${nowMs}, and the store takes ${maxFutureMs} at most; ` +
      'give milliseconds, mend the clock, or open the store with another maxFutureMs',
  )
}

/** @param row −1 for what is not a row's */
export function whereOf(row: number): string {
  return row < 0 ? '' : ` of row ${row}`
}
