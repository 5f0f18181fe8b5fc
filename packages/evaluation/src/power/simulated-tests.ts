/** Shape letters: N users. */
import { cupedTest, normalQuantile, seededRandom, type TwoSampleTest, welchTest } from '@headwater/statistics'
import { UnfitTestError } from './unfit-test-error.ts'
import type { PotentialOutcomes } from './user-days.ts'

export interface SimulationOptions {
  readonly simulations: number
  readonly seed: number
  /** Users of each test, drawn anew for each. Default all. */
  readonly users?: number
  /** Two-sided. Default .05. */
  readonly level?: number
}

/** A share of the tests, with its 95 % interval (Wilson 1927). */
interface ShareOfTests {
  readonly share: number
  readonly low: number
  readonly high: number
}

export interface SimulatedTests {
  readonly users: number
  /** Of the tests with p below the level: false positives where the treatment does nothing, else the power. */
  readonly rejected: ShareOfTests
  /** Mean over the tests of the effect found, and its standard deviation. */
  readonly meanEffect: number
  readonly effectSd: number
}

/**
 * Simulates tests in which half of the users, drawn at random, are treated and the means a user are compared by Welch's
 * test: plainly, and after CUPED with what the users did before.
 * @throws UnfitTestError on fewer than four users or more than there are, or no simulation
 */
export function simulateTests(
  outcomes: PotentialOutcomes,
  { simulations, seed, users = outcomes.control.length, level = 0.05 }: SimulationOptions,
): { readonly plain: SimulatedTests; readonly cuped: SimulatedTests } {
  const { control, treated, before } = outcomes
  if (!(Number.isInteger(users) && users >= 4 && users <= control.length)) {
    throw new UnfitTestError(`a test of ${users} users`, `use a whole number from 4 to the ${control.length} there are`)
  }
  if (!(Number.isInteger(simulations) && simulations > 0)) {
    throw new UnfitTestError(`${simulations} simulations`, 'use a whole number of at least 1')
  }
  const random = seededRandom(seed)
  const order = Uint32Array.from({ length: control.length }, (_, user) => user)
  const plain: TwoSampleTest[] = []
  const cuped: TwoSampleTest[] = []
  const half = users >>> 1
  for (let simulation = 0; simulation < simulations; simulation++) {
    // The first `users` places of a random order: a shuffle that stops there.
    for (let i = 0; i < users; i++) {
      const other = i + random.nextBelow(order.length - i)
      const kept = order[i]
      order[i] = order[other]
      order[other] = kept
    }
    const pick = (values: Float64Array, from: number, to: number) =>
      Float64Array.from({ length: to - from }, (_, i) => values[order[from + i]])
    const a = { outcome: pick(treated, 0, half), before: pick(before, 0, half) }
    const b = { outcome: pick(control, half, users), before: pick(before, half, users) }
    plain.push(welchTest(a.outcome, b.outcome))
    cuped.push(cupedTest(a, b))
  }
  return { plain: summarize(plain, users, level), cuped: summarize(cuped, users, level) }
}

function summarize(tests: readonly TwoSampleTest[], users: number, level: number): SimulatedTests {
  const count = tests.length
  const meanEffect = tests.reduce((sum, { difference }) => sum + difference, 0) / count
  const squares = tests.reduce((sum, { difference }) => sum + (difference - meanEffect) ** 2, 0)
  const rejected = tests.filter(({ pValue }) => pValue < level).length
  return {
    users,
    rejected: shareOf(rejected, count),
    meanEffect,
    effectSd: Math.sqrt(squares / Math.max(count - 1, 1)),
  }
}

function shareOf(part: number, count: number): ShareOfTests {
  const z = normalQuantile(0.975)
  const share = part / count
  const middle = (share + (z * z) / (2 * count)) / (1 + (z * z) / count)
  const reach = (z / (1 + (z * z) / count)) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count))
  return { share, low: Math.max(0, middle - reach), high: Math.min(1, middle + reach) }
}
