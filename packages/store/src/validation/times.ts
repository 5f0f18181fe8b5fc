import { FutureTimeError, RequestError } from './errors.ts'

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

function whereOf(row: number): string {
  return row < 0 ? '' : ` of row ${row}`
}
