/** What each user did on each day, the raw material of tests with assignment by user. Shape letters: U users, D days. */
import { type SyntheticWorld, syntheticEvents } from '@headwater/datasets'

/** A simulated test that the log cannot give: what is wrong and what to do. */
export class UnfitTestError extends Error {
  override readonly name = 'UnfitTestError'

  constructor(reason: string, remedy: string) {
    super(`${reason}: ${remedy}`)
  }
}

export interface UserDays {
  readonly users: number
  readonly days: number
  /** [U, D] */
  readonly impressions: Float64Array
  readonly clicks: Float64Array
}

/** Tabulates a synthetic log. Users and days without an impression are rows and columns of zeros. */
export function syntheticUserDays(world: SyntheticWorld): UserDays {
  const { users, days } = world.setting
  const impressions = new Float64Array(users * days)
  const clicks = new Float64Array(users * days)
  for (const { user, day, event } of syntheticEvents(world)) {
    impressions[user * days + day]++
    clicks[user * days + day] += event.values[3] as number
  }
  return { users, days, impressions, clicks }
}

/** Days of a test, and of what is known of its users before it. */
export interface TestWindow {
  readonly fromDay: number
  readonly days: number
  /** Days just before the test whose clicks CUPED uses. */
  readonly daysBefore: number
}

/**
 * What each of N users would do in a test, were he a control and were he treated, and what he did before it. Of a user
 * in a simulated test only one of the two is looked at.
 */
export interface PotentialOutcomes {
  readonly control: Float64Array
  readonly treated: Float64Array
  readonly before: Float64Array
}

/**
 * Clicks a user, of the users who come in the test window, whom a real test would have assigned; a treatment does nothing.
 * @throws UnfitTestError where the log has no such days, or fewer than four users come in them
 */
export function clickOutcomes(userDays: UserDays, window: TestWindow): PotentialOutcomes {
  checkWindow(userDays, window)
  const { users, impressions, clicks } = userDays
  const { fromDay, days, daysBefore } = window
  const sumOf = (values: Float64Array, user: number, from: number, to: number) =>
    values.subarray(user * userDays.days + from, user * userDays.days + to).reduce((sum, value) => sum + value, 0)
  const seen = Array.from({ length: users }, (_, user) => user).filter(
    (user) => sumOf(impressions, user, fromDay, fromDay + days) > 0,
  )
  if (seen.length < 4)
    throw new UnfitTestError(`${seen.length} users come in the test's days`, 'give more days, or a larger log')
  const clicksOf = (from: number, to: number) => Float64Array.from(seen, (user) => sumOf(clicks, user, from, to))
  const control = clicksOf(fromDay, fromDay + days)
  return { control, treated: control, before: clicksOf(fromDay - daysBefore, fromDay) }
}

function checkWindow({ days }: UserDays, window: TestWindow): void {
  const whole = Object.values(window).every((value) => Number.isInteger(value) && value >= 0)
  if (whole && window.days > 0 && window.fromDay >= window.daysBefore && window.fromDay + window.days <= days) return
  const told = `${window.days} days from day ${window.fromDay} and ${window.daysBefore} days before it`
  throw new UnfitTestError(`a test of ${told}`, `use whole days within the log's ${days}`)
}
