/** Shape letters: N users. */
import {
  cupedTest,
  meanAndSd,
  normalQuantile,
  seededRandom,
  type TwoSampleTest,
  welchTest,
} from '@headwater/statistics'
import { type PotentialOutcomes, UnfitTestError } from './user-days.ts'

interface SimulationOptions {
  readonly simulations: number
  readonly seed: number
  /** Users of each test, drawn anew for each. Default all. */
  readonly users?: number
}

export interface SimulatedTests {
  /**
   * Share of the tests with p below .05, two-sided, with its 95 % interval (Wilson 1927): false positives where the treatment
   * does nothing, else the power.
   */
  readonly rejected: { readonly share: number; readonly low: number; readonly high: number }
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
  { simulations, seed, users = outcomes.control.length }: SimulationOptions,
): { readonly plain: SimulatedTests; readonly cuped: SimulatedTests } {
  const { control, treated, before } = outcomes
  if (!(Number.isInteger(users) && users >= 4 && users <= control.length))
    throw new UnfitTestError(`a test of ${users} users`, `use a whole number from 4 to the ${control.length} there are`)
  if (!(Number.isInteger(simulations) && simulations > 0))
    throw new UnfitTestError(`${simulations} simulations`, 'use a whole number of at least 1')
  const random = seededRandom(seed)
  const order = Uint32Array.from(control.keys())
  const plain: TwoSampleTest[] = []
  const cuped: TwoSampleTest[] = []
  const half = users >>> 1
  for (let simulation = 0; simulation < simulations; simulation++) {
    // The first `users` places of a random order: a shuffle that stops there.
    for (let i = 0; i < users; i++) {
      const other = i + random.nextBelow(order.length - i)
      ;[order[i], order[other]] = [order[other], order[i]]
    }
    const group = (outcome: Float64Array, from: number, to: number) => {
      const members = order.subarray(from, to)
      const of = (values: Float64Array) => Float64Array.from(members, (user) => values[user])
      return { outcome: of(outcome), before: of(before) }
    }
    const [a, b] = [group(treated, 0, half), group(control, half, users)]
    plain.push(welchTest(a.outcome, b.outcome))
    cuped.push(cupedTest(a, b))
  }
  return { plain: summarize(plain), cuped: summarize(cuped) }
}

function summarize(tests: readonly TwoSampleTest[]): SimulatedTests {
  const { mean, sd } = meanAndSd(tests.map(({ difference }) => difference))
  const rejected = tests.filter(({ pValue }) => pValue < 0.05).length
  return { rejected: shareOf(rejected, tests.length), meanEffect: mean, effectSd: sd ?? 0 }
}

function shareOf(part: number, count: number): SimulatedTests['rejected'] {
  const z = normalQuantile(0.975)
  const share = part / count
  const middle = (share + (z * z) / (2 * count)) / (1 + (z * z) / count)
  const reach = (z / (1 + (z * z) / count)) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count))
  return { share, low: Math.max(0, middle - reach), high: Math.min(1, middle + reach) }
}
