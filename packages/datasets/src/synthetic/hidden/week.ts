/** The world's days and hours: when users come, and which of their interests count then. */
import type { HiddenSetting } from './setting.ts'

export const dayMs = 86_400_000
const hourMs = 3_600_000

/** A Monday. Days begin at four in the morning, when few are there: what happened on a day before is over then. */
export const startMs = Date.UTC(2024, 0, 1, 4)

/** How many come in each hour from four in the morning on, of a weekday and of a weekend. */
const weekday = [1, 1, 2, 4, 5, 4, 4, 4, 6, 6, 4, 4, 4, 5, 6, 8, 10, 10, 9, 7, 4, 2, 1, 1]
const weekend = [1, 1, 1, 1, 2, 4, 6, 7, 7, 7, 6, 6, 6, 6, 6, 7, 8, 8, 8, 7, 5, 4, 2, 1]

const isWeekend = (timeMs: number): boolean => new Date(timeMs - 4 * hourMs).getUTCDay() % 6 === 0

export const visitsByHour = (day: number): readonly number[] => (isWeekend(startMs + day * dayMs) ? weekend : weekday)

/** From six in the evening to four in the morning. */
export const isEvening = (timeMs: number): boolean => (((timeMs - startMs) % dayMs) + dayMs) % dayMs >= 14 * hourMs

/** What each of a user's interests weighs at a time, [M]; the squares sum to 1. Work is on weekdays before the evening. */
export function interestWeights({ interests, offWeight }: HiddenSetting, timeMs: number): Float64Array {
  const on = { evening: isEvening(timeMs), weekend: isWeekend(timeMs), work: !isEvening(timeMs) && !isWeekend(timeMs) }
  const weights = Float64Array.from(interests, ({ when }) => (on[when] ? 1 : offWeight))
  const norm = Math.hypot(...weights)
  return weights.map((weight) => weight / norm)
}
