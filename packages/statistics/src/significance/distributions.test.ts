import { describe, expect, test } from 'vitest'
import { StatisticsError } from '../sample/statistics-error.ts'
import { normalCdf, normalQuantile, normalTwoSided, studentReach, studentTwoSided } from './distributions.ts'

describe('normalCdf', () => {
  test.each([
    [0, 0.5],
    [1, 0.8413447460685429],
    [-1.96, 0.024997895148220435],
    [2.5, 0.9937903346742238],
    [-3, 0.0013498980316300933],
    [-6, 9.865876450376946e-10],
    [-10, 7.61985302416053e-24],
  ])('Φ(%d) is the published value', (z, published) => {
    expect(normalCdf(z) / published).toBeCloseTo(1, 11)
  })

  test('is the integral of the density', () => {
    let sum = 0
    const step = 1e-3
    for (let z = -9; z < 1.2345; z += step) {
      const middle = Math.min(z + step / 2, 1.2345)
      sum += (Math.exp(-middle * middle * 0.5) / Math.sqrt(2 * Math.PI)) * Math.min(step, 1.2345 - z)
    }
    expect(normalCdf(1.2345)).toBeCloseTo(sum, 6)
  })
})

test('normalTwoSided is .05 at ±1.96 and 1 at 0', () => {
  for (const z of [1.959963984540054, -1.959963984540054]) expect(normalTwoSided(z)).toBeCloseTo(0.05, 12)
  expect(normalTwoSided(0)).toBe(1)
})

describe('normalQuantile', () => {
  test('has the published values', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12)
    expect(normalQuantile(0.8)).toBeCloseTo(0.8416212335729143, 12)
    expect(normalQuantile(0.5)).toBeCloseTo(0, 12)
    expect(normalQuantile(1e-10)).toBeCloseTo(-6.361340902404056, 10)
  })

  test('undoes normalCdf', () => {
    for (let z = -8; z <= 5; z += 0.37) expect(normalQuantile(normalCdf(z))).toBeCloseTo(z, 7)
  })

  test('refuses 0, 1 and NaN', () => {
    for (const bad of [0, 1, Number.NaN]) expect(() => normalQuantile(bad)).toThrow(StatisticsError)
  })
})

describe('studentTwoSided', () => {
  // Critical values of the t tables.
  test.each([
    [12.706204736, 1, 0.05],
    [4.3026527297, 2, 0.05],
    [2.228138852, 10, 0.05],
    [2.75, 30, 0.01],
    [1.9623414611, 1000, 0.05],
  ])('t %d with %d degrees of freedom has p %d', (t, freedom, p) => {
    expect(studentTwoSided(t, freedom)).toBeCloseTo(p, 6)
    expect(studentTwoSided(-t, freedom)).toBe(studentTwoSided(t, freedom))
  })

  test('is arctan with 1 degree of freedom, algebraic with 2, normal with very many', () => {
    for (const t of [0, 0.1, 1, 3.3, 50]) {
      expect(studentTwoSided(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(t), 12)
      expect(studentTwoSided(t, 2)).toBeCloseTo(1 - t / Math.sqrt(2 + t * t), 12)
      expect(studentTwoSided(t, 1e7)).toBeCloseTo(2 * normalCdf(-t), 6)
    }
  })

  test('refuses no degrees of freedom', () => {
    expect(() => studentTwoSided(1, 0)).toThrow(StatisticsError)
    expect(studentTwoSided(Infinity, 3)).toBe(0)
  })
})

describe('studentReach', () => {
  // Two-sided 5 % points of the usual table.
  test.each([
    [1, 12.7062],
    [2, 4.30265],
    [10, 2.22814],
    [1e7, 1.95996],
    // As seeds give that differ by a last digit: their spread is nothing beside the error of sampling.
    [1e53, 1.95996],
    [Number.POSITIVE_INFINITY, 1.95996],
  ])('of %s degrees of freedom is %s', (freedom, t) => {
    expect(studentReach(0.05, freedom)).toBeCloseTo(t, 4)
  })

  test('refuses a tail that is no chance', () => {
    expect(() => studentReach(0, 5)).toThrow(StatisticsError)
    expect(() => studentReach(0.05, 0)).toThrow(StatisticsError)
  })
})
