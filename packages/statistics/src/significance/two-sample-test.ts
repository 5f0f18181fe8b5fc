/**
 * Tests of a difference between two groups of users, one outcome a user: users are assigned, so users and not rows are
 * the independent units. Shape letters: N users.
 */
import { type Numbers, requireFinite, requireSameLength } from '../sample/binary-data.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { normalQuantile, studentTwoSided } from './distributions.ts'

export interface TwoSampleTest {
  /** Mean of the treated minus mean of the controls. */
  readonly difference: number
  readonly standardError: number
  /** Two-sided. */
  readonly pValue: number
}

/** Mean and sample variance of one group. */
interface Moments {
  readonly count: number
  readonly mean: number
  readonly variance: number
}

/** @throws StatisticsError on fewer than two values or one that is not finite */
function momentsOf(name: string, values: Numbers): Moments {
  const count = values.length
  if (count < 2) throw new StatisticsError(`${name} has ${count} users: a variance needs at least 2`)
  let sum = 0
  for (let i = 0; i < count; i++) {
    requireFinite(name, values[i], i)
    sum += values[i]
  }
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < count; i++) squares += (values[i] - mean) ** 2
  return { count, mean, variance: squares / (count - 1) }
}

/**
 * Welch's t-test: unequal variances, degrees of freedom of Welch and Satterthwaite. Outcomes [N] of each group.
 * @throws StatisticsError on fewer than two users a group, or where neither group varies
 */
export function welchTest(treatedOutcomes: Numbers, controlOutcomes: Numbers): TwoSampleTest {
  const treated = momentsOf('treated', treatedOutcomes)
  const control = momentsOf('control', controlOutcomes)
  const a = treated.variance / treated.count
  const b = control.variance / control.count
  if (a + b === 0) throw new StatisticsError('no outcome varies within either group: there is nothing to test')
  const difference = treated.mean - control.mean
  const standardError = Math.sqrt(a + b)
  const freedom = (a + b) ** 2 / (a ** 2 / (treated.count - 1) + b ** 2 / (control.count - 1))
  return { difference, standardError, pValue: studentTwoSided(difference / standardError, freedom) }
}

/** Outcomes of one group, and what was measured of the same users before they were assigned. */
export interface WithCovariate {
  readonly outcome: Numbers
  readonly before: Numbers
}

/**
 * θ of CUPED, Cov(outcome, before) / Var(before) pooled over both groups: subtracting θ · before leaves the difference
 * between the groups unbiased, since assignment came after, and takes the share ρ² of the variance away (Deng et al.
 * 2013, "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data").
 * 0 where `before` does not vary.
 * @throws StatisticsError on unequal lengths
 */
export function cupedWeight(groups: readonly WithCovariate[]): number {
  let [covariance, variance] = [0, 0]
  for (const { outcome, before } of groups) {
    requireSameLength('outcome', outcome, 'before', before)
    const x = momentsOf('before', before)
    const y = momentsOf('outcome', outcome)
    // Within groups: an effect of the treatment must not pass for covariance.
    for (let i = 0; i < before.length; i++) covariance += (before[i] - x.mean) * (outcome[i] - y.mean)
    variance += x.variance * (x.count - 1)
  }
  return variance === 0 ? 0 : covariance / variance
}

/** Welch's test of outcomes adjusted by CUPED. @throws StatisticsError as `welchTest` and `cupedWeight` */
export function cupedTest(treated: WithCovariate, control: WithCovariate): TwoSampleTest {
  const weight = cupedWeight([treated, control])
  const adjusted = ({ outcome, before }: WithCovariate) => {
    return Float64Array.from({ length: outcome.length }, (_, i) => outcome[i] - weight * before[i])
  }
  return welchTest(adjusted(treated), adjusted(control))
}

/** Two-sided level and power of a planned test. Default .05 and .8. */
export interface TestPlan {
  readonly level?: number
  readonly power?: number
}

/** Standard errors that an effect must have to be detected: z(1 − level / 2) + z(power), 2.80 by default. */
export function detectableStandardErrors({ level = 0.05, power = 0.8 }: TestPlan = {}): number {
  return normalQuantile(1 - level / 2) + normalQuantile(power)
}

/**
 * Minimum detectable effect of a test with half of `users` treated, in the outcome's unit.
 * @param sd standard deviation of the users' outcomes, after CUPED if it is used
 */
export function minimumDetectableEffect(sd: number, users: number, plan: TestPlan = {}): number {
  if (!(users >= 4)) throw new StatisticsError(`${users} users: a test needs at least two in each half`)
  return (detectableStandardErrors(plan) * sd * 2) / Math.sqrt(users)
}

/** Users, half of them treated, that a test needs to detect an effect: the inverse of `minimumDetectableEffect`. */
export function usersNeeded(sd: number, effect: number, plan: TestPlan = {}): number {
  if (!(effect > 0)) throw new StatisticsError(`effect ${effect}: users are needed for one above 0`)
  return Math.max(4, Math.ceil(((detectableStandardErrors(plan) * sd * 2) / effect) ** 2))
}
