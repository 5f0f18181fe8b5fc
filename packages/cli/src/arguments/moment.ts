import { InvalidArgumentError } from 'commander'

/** "2026-05-01", "2026-05-01T12:00:00Z" or milliseconds since 1970. @throws InvalidArgumentError, which is shown as an error of the command line */
export function momentMs(text: string): number {
  const isIso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
  const timeMs = isIso ? Date.parse(text) : /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isNaN(timeMs))
    throw new InvalidArgumentError('Give a time as 2026-05-01T12:00:00Z, a day, or milliseconds since 1970.')
  return timeMs
}
