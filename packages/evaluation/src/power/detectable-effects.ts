/** Shape letters: N users. */
import { cupedWeight, meanAndSd, minimumDetectableEffect, type TestPlan, usersNeeded } from '@headwater/statistics'
import { clickOutcomes, type PotentialOutcomes, type UserDays } from './user-days.ts'

/** Spread of an outcome between users, plainly and after CUPED. */
export interface OutcomeSpread {
  readonly users: number
  readonly mean: number
  readonly sd: number
  readonly cupedSd: number
}

/** Of the control outcomes: what is known before a test. */
export function outcomeSpread({ control, before }: PotentialOutcomes): OutcomeSpread {
  return spreadOf(control, before, cupedWeight([{ outcome: control, before }]))
}

function spreadOf(outcomes: Float64Array, before: Float64Array, weight: number): OutcomeSpread {
  const { mean, sd } = meanAndSd(outcomes)
  const adjusted = outcomes.map((outcome, i) => outcome - weight * before[i])
  return { users: outcomes.length, mean, sd: sd!, cupedSd: meanAndSd(adjusted).sd! }
}

export interface DetectableEffect {
  readonly users: number
  readonly days: number
  /** Clicks a user in the test's days. */
  readonly mean: number
  /** Smallest effect that the plan's power detects, as a share of the mean. */
  readonly lift: number
  readonly cupedLift: number
}

/**
 * Minimum detectable lift of clicks a user, for each number of users and days of a test that begins on `fromDay`. More
 * users than the log has are taken to be like them.
 * @throws UnfitTestError where the log has no such days, or fewer than four users come in them
 */
export function detectableEffects(
  userDays: UserDays,
  options: { readonly fromDay: number; readonly daysBefore: number } & {
    readonly users: readonly number[]
    readonly days: readonly number[]
  } & TestPlan,
): DetectableEffect[] {
  const { fromDay, daysBefore } = options
  return options.days.flatMap((days) => {
    const spread = outcomeSpread(clickOutcomes(userDays, { fromDay, days, daysBefore }))
    return options.users.map((users) => ({
      users,
      days,
      mean: spread.mean,
      lift: minimumDetectableEffect(spread.sd, users, options) / spread.mean,
      cupedLift: minimumDetectableEffect(spread.cupedSd, users, options) / spread.mean,
    }))
  })
}

/** What a test needed to see an effect: the effect, relative, and users, plain and with CUPED. */
export interface NeededUsers {
  readonly lift: number
  readonly plain: number
  readonly cuped: number
}

/**
 * Users, half of them treated, whom a test would have needed to detect the effect that the outcomes have.
 * Null where the treatment does nothing or harm.
 */
export function usersForEffect(
  { control, treated, before }: PotentialOutcomes,
  plan: TestPlan = {},
): NeededUsers | null {
  const weight = cupedWeight([control, treated].map((outcome) => ({ outcome, before })))
  const [unchanged, changed] = [control, treated].map((outcomes) => spreadOf(outcomes, before, weight))
  const effect = changed.mean - unchanged.mean
  if (!(effect > 0)) return null
  // Halves of equal size: the variances of both arms count alike.
  const both = (a: number, b: number) => Math.sqrt((a * a + b * b) / 2)
  return {
    lift: effect / unchanged.mean,
    plain: usersNeeded(both(unchanged.sd, changed.sd), effect, plan),
    cuped: usersNeeded(both(unchanged.cupedSd, changed.cupedSd), effect, plan),
  }
}
