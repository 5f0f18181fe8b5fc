import { describe, expect, test } from 'vitest'
import { RandomStream } from './random-stream.ts'

const draws = 40_000

function moments(next: () => number): { mean: number; variance: number } {
  const values = Array.from({ length: draws }, next)
  const mean = values.reduce((sum, value) => sum + value, 0) / draws
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws }
}

describe('RandomStream', () => {
  test('is the same for the same seed, purpose and index, and another for any other', () => {
    const first = (...key: ConstructorParameters<typeof RandomStream>) => new RandomStream(...key).uniform()
    expect(first(1, 'ad', 2)).toBe(first(1, 'ad', 2))
    const keys = [0, 1, 2 ** 32 - 1].flatMap((seed) =>
      (['ad', 'user', 'drift'] as const).flatMap((purpose) =>
        Array.from({ length: 100 }, (_, i) => [seed, purpose, i]),
      ),
    )
    const firsts = keys.map((key) => first(...(key as ConstructorParameters<typeof RandomStream>)))
    expect(new Set(firsts).size).toBe(keys.length)
    // Neighbouring indices are uncorrelated: 5 standard errors of 1 / √n.
    const neighbours = Array.from({ length: 10_000 }, (_, i) => first(0, 'user', i) - 0.5)
    const product = neighbours.slice(1).reduce((sum, value, i) => sum + value * neighbours[i], 0)
    expect(Math.abs(product * 12) / 10_000).toBeLessThan(0.05)
  })

  // Tolerances are 5 standard errors: of a mean √(variance / n), of a variance √((kurtosis − 1) / n) · variance.
  test.each([
    ['uniform', (random: RandomStream) => random.uniform(), 1 / 2, 1 / 12, 1.8],
    ['normal', (random: RandomStream) => random.normal(), 0, 1, 3],
    ['gamma of shape 0.2', (random: RandomStream) => random.gamma(0.2), 0.2, 0.2, 33],
    ['gamma of shape 1.5', (random: RandomStream) => random.gamma(1.5), 1.5, 1.5, 7],
  ])('%s has its known mean and variance', (_, draw, mean, variance, kurtosis) => {
    const random = new RandomStream(3, 'ad', 0)
    const found = moments(() => draw(random))
    expect(Math.abs(found.mean - mean)).toBeLessThan(5 * Math.sqrt(variance / draws))
    expect(Math.abs(found.variance - variance)).toBeLessThan(5 * variance * Math.sqrt((kurtosis - 1) / draws))
  })

  test('picks in proportion to the weights, never one of weight 0', () => {
    const random = new RandomStream(4, 'requests', 0)
    const counts = [0, 0, 0, 0, 0]
    const cumulative = Float64Array.of(0, 1, 1, 4, 4)
    for (let i = 0; i < draws; i++) counts[random.pick(cumulative)]++
    expect([counts[0], counts[2], counts[4]]).toEqual([0, 0, 0])
    expect(Math.abs(counts[1] / draws - 0.25)).toBeLessThan(5 * Math.sqrt(0.1875 / draws))
  })
})
