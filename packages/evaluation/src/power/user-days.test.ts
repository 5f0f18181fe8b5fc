import { referenceSetting, syntheticEvents, syntheticWorld } from '@headwater/datasets'
import { describe, expect, test } from 'vitest'
import { rankingOutcomes } from './ranking-outcomes.ts'
import { clickOutcomes, syntheticUserDays, UnfitTestError, type UserDays } from './user-days.ts'

/** Five users and four days; the fifth never comes in the last two. */
const userDays: UserDays = {
  users: 5,
  days: 4,
  impressions: Float64Array.of(3, 3, 3, 3, 3, 0, 0, 3, 0, 3, 3, 0, 0, 0, 6, 0, 3, 3, 0, 0),
  clicks: Float64Array.of(1, 0, 2, 1, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 4, 0, 3, 1, 0, 0),
}

test('a synthetic log is tabulated by user and day', () => {
  const world = syntheticWorld({
    seed: 2,
    setting: { ...referenceSetting, users: 7, ads: 9, days: 3, impressionsPerDay: 90 },
  })
  const found = syntheticUserDays(world)
  const events = [...syntheticEvents(world)]
  for (let user = 0; user < 7; user++) {
    for (let day = 0; day < 3; day++) {
      const own = events.filter(({ event }) => {
        return event.user === `u${user}` && new Date(event.timeMs).getUTCDate() === day + 1
      })
      expect(found.impressions[user * 3 + day]).toBe(own.length)
      expect(found.clicks[user * 3 + day]).toBe(own.filter(({ event }) => event.values[3] === 1).length)
    }
  }
})

describe('clickOutcomes', () => {
  test('sums the window, and the days before it, of users who come in it', () => {
    expect(clickOutcomes(userDays, { fromDay: 2, days: 2, daysBefore: 1 })).toEqual({
      control: Float64Array.of(3, 3, 0, 4),
      treated: Float64Array.of(3, 3, 0, 4),
      before: Float64Array.of(0, 0, 2, 0),
    })
    const { control } = clickOutcomes(userDays, { fromDay: 1, days: 3, daysBefore: 0 })
    expect([...control]).toEqual([3, 3, 2, 4, 1])
  })

  test.each([
    [{ fromDay: 3, days: 2, daysBefore: 0 }, 'whole days within the log'],
    [{ fromDay: 1, days: 1, daysBefore: 2 }, 'whole days within the log'],
    [{ fromDay: 1, days: 0, daysBefore: 0 }, 'whole days within the log'],
    [{ fromDay: 3, days: 1, daysBefore: 0 }, '2 users come'],
  ])('refuses %o', (window, told) => {
    expect(() => clickOutcomes(userDays, window)).toThrow(UnfitTestError)
    expect(() => clickOutcomes(userDays, window)).toThrow(told)
  })
})

test('rankingOutcomes counts the click on the ad that each model puts first', () => {
  const impressions = {
    requests: [0, 0, 1, 1, 1, 2, 3, 3, 4],
    users: [1, 1, 0, 0, 0, 1, 2, 2, 3],
    labels: [0, 1, 1, 0, 1, 1, 1, 0, 0],
    // Firsts: 0 | 3 | only one | tie, so the first | only one
    control: [0.9, 0.1, 0.2, 0.3, 0.1, 0.5, 0.4, 0.4, 0.1],
    // Firsts: 1 | 2 | only one | the second | only one
    treated: [0.1, 0.9, 0.3, 0.2, 0.1, 0.5, 0.4, 0.5, 0.1],
  }
  expect(rankingOutcomes(impressions, userDays, { fromDay: 2, days: 2, daysBefore: 2 })).toEqual({
    control: Float64Array.of(1, 0, 1, 0),
    treated: Float64Array.of(2, 1, 0, 0),
    before: Float64Array.of(0, 1, 2, 0),
  })
})
