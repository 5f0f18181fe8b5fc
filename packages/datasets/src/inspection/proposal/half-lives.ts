import type { LogMeasures } from './measures.ts'

const dayMs = 86_400_000
/** A few hours, a day, some days, a week, …: a half-life is the nearest of these. */
const usualDays = [0.125, 0.5, 1, 3, 7, 14, 30, 90, 180, 365]
/** Of a half-life in visits: about as many as tell of one taste. */
const visits = 2
/** The longest is a part of the log's span: what is weighed for longer is not forgotten at all. */
const spanParts = 4
/** Events of a user from which on decay by events can tell more than decay by days. */
const longHistory = 20

export interface HalfLives {
  /** Rising, in days; none where nobody comes again. */
  readonly days: readonly number[]
  readonly events: readonly number[]
  readonly whyDays: string
  readonly whyEvents: string
}

/** How fast a log forgets, from how often its users come back, how long it is and how many events a user has. */
export function halfLives({ visitGapDays, firstMs, lastMs, history }: LogMeasures): HalfLives {
  const spanDays = (lastMs - firstMs) / dayMs
  const events = history.median >= longHistory ? [3, 10, 30] : history.high >= longHistory ? [10] : []
  const whyEvents = `half of all events are of users with ${history.median} or more before, one in ten of users with ${history.high} or more`
  if (visitGapDays === null) return { days: [], events, whyDays: 'no user comes again', whyEvents }
  const usual = usualDays.filter((days) => days <= spanDays / spanParts)
  const short = nearest(usual, visits * visitGapDays)
  const at = usual.indexOf(short)
  return {
    days: usual.slice(at, at + 3),
    events,
    whyDays: `a user comes again after ${roundTo(visitGapDays, 2)} days at the median, and the log spans ${roundTo(spanDays, 3)} days`,
    whyEvents,
  }
}

function nearest(sorted: readonly number[], value: number): number {
  const ratio = (days: number) => Math.abs(Math.log(days / value))
  return sorted.reduce((best, days) => (ratio(days) < ratio(best) ? days : best), sorted[0])
}

/** @param digits that count */
export function roundTo(value: number, digits: number): number {
  return Number(value.toPrecision(digits))
}
