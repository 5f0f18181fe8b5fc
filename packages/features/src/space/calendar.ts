import type { BagLayout } from '../batch/batch.ts'
import type { CalendarPart } from '../schema/schema.ts'

const cycles: Record<CalendarPart, { length: number; unitMs: number; offset: number }> = {
  hour: { length: 24, unitMs: 3_600_000, offset: 0 },
  // 1970-01-01 was a Thursday.
  weekday: { length: 7, unitMs: 86_400_000, offset: 4 },
}

/** Bag of one bucket for the hour or weekday of a time; bucket 0 stays unused, as for every missing value. */
export function calendarBag(part: CalendarPart): BagLayout {
  return { name: part, buckets: cycles[part].length + 1, maxValues: 1 }
}

/** 1 + hour (0 … 23) or 1 + weekday (0 = Sunday), both in UTC. */
export function calendarBucket(part: CalendarPart, timeMs: number): number {
  const { length, unitMs, offset } = cycles[part]
  const index = (Math.floor(timeMs / unitMs) + offset) % length
  return 1 + (index < 0 ? index + length : index)
}
