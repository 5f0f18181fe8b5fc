import type { ColumnProfile } from '../columns/profile.ts'
import { has, wordsOf } from './words.ts'

export interface FoundTime {
  readonly column: string
  readonly unit: 's' | 'ms' | 'us' | 'iso'
}

export interface Times {
  readonly time: FoundTime | null
  /** Columns that hold times too, of which one is the event's. */
  readonly others: readonly string[]
  readonly doubts: readonly string[]
}

/**
 * Finds when the events were among the columns that look like times.
 * @param isFixed whether a column has one value for each user or item, as the day of a signup or a release has
 */
export function findTime(profiles: readonly ColumnProfile[], isFixed: (column: string) => boolean): Times {
  const doubts: string[] = []
  const able = profiles.filter(({ known, rows, iso, epoch }) => known >= 0.98 * rows && (iso > 0.98 || epoch !== null))
  const scored = able.map((profile) => ({ profile, score: scoreOf(profile, isFixed(profile.name)) }))
  const [best, second] = scored.sort((a, b) => b.score - a.score)
  for (const { name, otherDate } of profiles)
    if (otherDate > 0.98)
      doubts.push(`"${name}" has dates that are not ISO 8601: write them as 2026-12-31 or 2026-12-31T23:59:59Z.`)
  for (const { name, epoch } of profiles)
    if (epoch === 'ns' && has('time', name))
      doubts.push(`"${name}" has nanoseconds: write it as microseconds or coarser.`)
  if (best === undefined || best.score < 0) return { time: null, others: able.map(({ name }) => name), doubts }
  const { name } = best.profile
  if (second && second.score === best.score)
    doubts.push(`"${second.profile.name}" could be the time as well as "${name}".`)
  const others = scored.slice(1).map(({ profile }) => profile.name)
  const unit = unitOf(best.profile)
  return { time: unit === null ? null : { column: name, unit }, others, doubts }
}

/** Of a column of times; null: it is none, or in nanoseconds. */
export function unitOf({ iso, epoch }: ColumnProfile): FoundTime['unit'] | null {
  if (iso > 0.98) return 'iso'
  return epoch === 'ns' ? null : epoch
}

function scoreOf({ name, iso, epoch, ordered, distinct, rows }: ColumnProfile, isFixed: boolean): number {
  const isAlone = wordsOf(name).every((word) => has('time', word) || word === 'event')
  return (
    (has('time', name) ? (isAlone ? 4 : 3) : 0) +
    (iso > 0.98 ? 2 : 0) +
    (ordered > 0.98 ? 1 : 0) +
    (distinct > 0.5 * rows ? 1 : 0) -
    (has('otherTime', name) ? 3 : 0) -
    (isFixed ? 4 : 0) -
    (epoch === 'ns' ? 4 : 0)
  )
}
