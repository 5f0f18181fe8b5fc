import { seededRandom } from '@headwater/statistics'
import { expect, test } from 'vitest'
import { crossEntropies, scoreReference, shareClosed } from './reference-scores.ts'

test('by hand: two rows of p .25 and .75, base rate ½', () => {
  const truth = Float64Array.of(0.25, 0.75)
  const half = Float64Array.of(0.5, 0.5)
  const labels = Uint8Array.of(0, 1)
  const own = -0.25 * Math.log(0.25) - 0.75 * Math.log(0.75)
  const best = scoreReference(truth, truth, labels)
  expect(best.expectedNe).toBeCloseTo(own / Math.LN2, 12)
  expect(best.ne).toBeCloseTo(-Math.log(0.75) / Math.LN2, 12)
  const { ne, expectedNe } = scoreReference(half, truth, labels)
  expect(ne).toBeCloseTo(1, 12)
  expect(expectedNe).toBeCloseTo(1, 12)
})

test('cross-entropy is the mean of the log loss over clicks drawn with the true probability', () => {
  const random = seededRandom(3)
  const draws = 200_000
  const [p, q] = [0.2, 0.35]
  let loss = 0
  for (let i = 0; i < draws; i++) loss -= Math.log(random.nextFloat() < p ? q : 1 - q)
  const [expected] = crossEntropies(Float64Array.of(q), Float64Array.of(p))
  // Five standard errors.
  const sd = Math.sqrt(p * (1 - p)) * Math.log((1 - q) / q)
  expect(Math.abs(loss / draws - expected)).toBeLessThan((5 * sd) / Math.sqrt(draws))
})

test('the share closed is 0 of knowing nothing, 1 of the optimum and linear between', () => {
  const random = seededRandom(7)
  const users = Uint32Array.from({ length: 2000 }, () => random.nextBelow(100))
  const nobody = Float64Array.from(users, () => 0.4 + 0.1 * random.nextNormal())
  const optimum = nobody.map((loss) => loss - 0.06 + 0.01 * random.nextNormal())
  const share = (part: number) => {
    const losses = nobody.map((loss, i) => loss - part * (loss - optimum[i]))
    return shareClosed(users, { losses, nobody, optimum }, { draws: 1000, seed: 1 })
  }
  for (const part of [0, 0.5, 1, 2]) {
    const { value, low, high } = share(part)
    expect([low, value, high]).toEqual([part, part, part].map((exact) => expect.closeTo(exact, 10)))
  }
  expect(() => shareClosed(users, { losses: nobody, nobody, optimum: nobody }, { draws: 1000, seed: 1 })).toThrow(
    'no gap',
  )
})

test('the interval of the share closed is that of a ratio by the delta method', () => {
  const random = seededRandom(8)
  const users = Uint32Array.from({ length: 4000 }, () => random.nextBelow(500))
  const nobody = Float64Array.from(users, () => 0.4 + 0.1 * random.nextNormal())
  const optimum = nobody.map((loss) => loss - 0.06 + 0.1 * random.nextNormal())
  const losses = nobody.map((loss) => loss - 0.04 + 0.1 * random.nextNormal())
  const { value, standardError } = shareClosed(users, { losses, nobody, optimum }, { draws: 4000, seed: 1 })
  const gap = nobody.reduce((sum, loss, i) => sum + loss - optimum[i], 0)
  const residuals = new Float64Array(500)
  users.forEach((user, i) => {
    residuals[user] += nobody[i] - losses[i] - value * (nobody[i] - optimum[i])
  })
  expect(standardError / (Math.sqrt(residuals.reduce((sum, r) => sum + r * r, 0)) / gap)).toBeCloseTo(1, 1)
})
