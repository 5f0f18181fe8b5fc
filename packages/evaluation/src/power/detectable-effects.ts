/** Shape letters: N users. */
import { cupedWeight, meanAndSd, minimumDetectableEffect, usersNeeded } from '@headwater/statistics'
import { clickOutcomes, type PotentialOutcomes, type TestWindow, type UserDays } from './user-days.ts'

/** Mean of the control outcomes, what is known before a test, and their spread between users, plainly and after CUPED. */
export function outcomeSpread({ control, before }: PotentialOutcomes) {
  return spreadOf(control, before, cupedWeight([{ outcome: control, before }]))
}

function spreadOf(outcomes: Float64Array, before: Float64Array, weight: number) {
  const { mean, sd } = meanAndSd(outcomes)
  const adjusted = outcomes.map((outcome, i) => outcome - weight * before[i])
  return { mean, sd: sd!, cupedSd: meanAndSd(adjusted).sd! }
}

/**
 * Minimum detectable lift of clicks a user, plainly and after CUPED, for each number of users and days of a test that begins on
 * `fromDay`: the smallest effect that is detected with a power of 80 % at a level of 5 %, as a share of the mean. More users than
 * the log has are taken to be like them.
 * @throws UnfitTestError where the log has no such days, or fewer than four users come in them
 */
export function detectableEffects(
  userDays: UserDays,
  tests: Pick<TestWindow, 'fromDay' | 'daysBefore'> & Record<'users' | 'days', readonly number[]>,
) {
  const { fromDay, daysBefore } = tests
  return tests.days.flatMap((days) => {
    const spread = outcomeSpread(clickOutcomes(userDays, { fromDay, days, daysBefore }))
    return tests.users.map((users) => ({
      users,
      days,
      lift: minimumDetectableEffect(spread.sd, users) / spread.mean,
      cupedLift: minimumDetectableEffect(spread.cupedSd, users) / spread.mean,
    }))
  })
}

/** Users that a test needed to see an effect, plain and with CUPED. */
export interface NeededUsers {
  readonly plain: number
  readonly cuped: number
}

/**
 * Users, half of them treated, whom a test would have needed to detect the effect that the outcomes have.
 * Null where the treatment does nothing or harm.
 */
export function usersForEffect({ control, treated, before }: PotentialOutcomes): NeededUsers | null {
  const weight = cupedWeight([control, treated].map((outcome) => ({ outcome, before })))
  const [unchanged, changed] = [control, treated].map((outcomes) => spreadOf(outcomes, before, weight))
  const effect = changed.mean - unchanged.mean
  if (!(effect > 0)) return null
  // Halves of equal size: the variances of both arms count alike.
  const both = (a: number, b: number) => Math.sqrt((a * a + b * b) / 2)
  return {
    plain: usersNeeded(both(unchanged.sd, changed.sd), effect),
    cuped: usersNeeded(both(unchanged.cupedSd, changed.cupedSd), effect),
  }
}
