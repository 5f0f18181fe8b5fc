import { mean, seededRandom } from '@headwater/statistics'
import { expect, test } from 'vitest'
import { rankingLift } from './ranking-lift.ts'

const users = 400
/** Clicks of each user: of so many requests, by chance. */
function clicks(seed: number, chance: number): Float64Array {
  const random = seededRandom(seed)
  return Float64Array.from({ length: users }, () => {
    let sum = 0
    for (let request = 0; request < 30; request++) sum += random.nextFloat() < chance ? 1 : 0
    return sum
  })
}
const outcomes = (control: Float64Array, treated: Float64Array) => ({ control, treated, before: control })

test('has the sign of the change, and an interval by the ratio’s variance', () => {
  const [control, treated] = [clicks(1, 0.1), clicks(2, 0.12)]
  for (const [a, b] of [
    [control, treated],
    [treated, control],
  ]) {
    const { value, low, high } = rankingLift([outcomes(a, b)])
    const ratio = mean(b) / mean(a)
    expect(value).toBeCloseTo(ratio - 1, 12)
    // Delta method: the variance of b − ratio · a over users, by the mean of a.
    const residuals = b.map((own, user) => own - ratio * a[user])
    const error = Math.sqrt(mean(residuals.map((r) => r * r)) / users) / mean(a)
    expect(low).toBeLessThan(value)
    expect(high).toBeGreaterThan(value)
    expect((high - low) / (2 * 1.96 * error)).toBeGreaterThan(0.9)
    expect((high - low) / (2 * 1.96 * error)).toBeLessThan(1.1)
  }
})

test('of several seeds is of their mean clicks, and wider where they differ', () => {
  const control = clicks(1, 0.1)
  const [first, second] = [control.map((own) => own * 1.1), control.map((own) => own * 1.3)]
  const one = rankingLift([
    outcomes(
      control,
      control.map((own) => own * 1.2),
    ),
  ])
  const both = rankingLift([outcomes(control, first), outcomes(control, second)])
  expect(one.value).toBeCloseTo(0.2, 12)
  expect(both.value).toBeCloseTo(0.2, 12)
  expect(both.high - both.low).toBeGreaterThan(one.high - one.low + 0.1)
})
