import { expect, it } from 'vitest'
import { randomNumbers } from '../testing/random-log.ts'
import { calendarBag, calendarBucket } from './calendar.ts'

it('equals the hour and weekday of Date, before 1970 too', () => {
  const random = randomNumbers(7)
  const times = [0, -1, -86_400_000, 86_399_999, Date.UTC(2024, 1, 29, 23, 59, 59, 999)]
  for (let n = 0; n < 1000; n++) times.push(Math.floor((random() - 0.5) * 8e12))
  for (const timeMs of times) {
    const date = new Date(timeMs)
    expect(calendarBucket('hour', timeMs), date.toISOString()).toBe(1 + date.getUTCHours())
    expect(calendarBucket('weekday', timeMs), date.toISOString()).toBe(1 + date.getUTCDay())
  }
  expect(calendarBag('hour')).toEqual({ name: 'hour', buckets: 25, maxValues: 1 })
  expect(calendarBag('weekday')).toEqual({ name: 'weekday', buckets: 8, maxValues: 1 })
})
