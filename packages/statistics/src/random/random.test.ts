import { describe, expect, test } from 'vitest'
import { StatisticsError } from '../sample/statistics-error.ts'
import { SeededRandom, seededRandom, splitMix64 } from './random.ts'

describe('published vectors', () => {
  test('xoshiro128** from state 1, 2, 3, 4 (output of the authors’ C code)', () => {
    const random = new SeededRandom([1, 2, 3, 4])
    expect(Array.from({ length: 10 }, () => random.nextU32())).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ])
  })

  test('SplitMix64 from 1477776061723855037 (output of the authors’ C code)', () => {
    const next = splitMix64(1477776061723855037n)
    expect(Array.from({ length: 5 }, () => next())).toEqual([
      1985237415132408290n,
      2979275885539914483n,
      13511426838097143398n,
      8488337342461049707n,
      15141737807933549159n,
    ])
  })
})

describe('seededRandom', () => {
  test('the same seed repeats, neighbouring seeds and seeds beyond 32 bits differ', () => {
    const take = (seed: number) => {
      const random = seededRandom(seed)
      return Array.from({ length: 20 }, () => random.nextU32()).join()
    }
    expect(take(7)).toBe(take(7))
    expect(new Set([0, 1, 2, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map(take)).size).toBe(6)
  })

  test.each([-1, 0.5, Number.NaN, 2 ** 53])('rejects the seed %s', (seed) => {
    expect(() => seededRandom(seed)).toThrow(StatisticsError)
  })

  test('goes on from its words', () => {
    const random = seededRandom(5)
    random.nextFloat()
    const later = new SeededRandom(random.words)
    const take = (from: SeededRandom) => Array.from({ length: 20 }, () => from.nextBelow(1000))
    expect(take(later)).toEqual(take(random))
  })

  test('an all-zero state, from which xoshiro never leaves, is rejected', () => {
    expect(() => new SeededRandom([0, 0, 0, 0])).toThrow(StatisticsError)
  })

  test('floats are uniform: mean and variance within 4 standard errors, all in [0, 1)', () => {
    const random = seededRandom(3)
    const n = 200_000
    let sum = 0
    let squares = 0
    let outside = 0
    for (let i = 0; i < n; i++) {
      const x = random.nextFloat()
      outside += x >= 0 && x < 1 ? 0 : 1
      sum += x
      squares += (x - 0.5) ** 2
    }
    expect(outside).toBe(0)
    expect(Math.abs(sum / n - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / n))
    expect(Math.abs(squares / n - 1 / 12)).toBeLessThan(4 * Math.sqrt((1 / 80 - 1 / 144) / n))
  })

  test('normal deviates have the moments 0, 1, 0, 3 within 4 standard errors', () => {
    const random = seededRandom(4)
    const n = 200_000
    const moments = [0, 0, 0, 0]
    for (let i = 0; i < n; i++) {
      const x = random.nextNormal()
      for (let k = 0; k < 4; k++) moments[k] += x ** (k + 1) / n
    }
    // Var(x^k) of a standard normal: 1, 2, 15, 96.
    const expected = [0, 1, 0, 3]
    const variances = [1, 2, 15, 96]
    moments.forEach((moment, k) => {
      expect(Math.abs(moment - expected[k])).toBeLessThan(4 * Math.sqrt(variances[k] / n))
    })
  })

  test.each([1, 2, 3, 7, 10])('nextBelow(%i) hits every value equally often (χ², p > 1e-4)', (bound) => {
    const random = seededRandom(bound)
    const n = 30_000
    const counts = new Array<number>(bound).fill(0)
    for (let i = 0; i < n; i++) counts[random.nextBelow(bound)]++
    const expected = n / bound
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    expect(chiSquare).toBeLessThan(35)
  })

  test.each([0, -1, 1.5, 2 ** 33])('nextBelow rejects the bound %s', (bound) => {
    expect(() => seededRandom(0).nextBelow(bound)).toThrow(StatisticsError)
  })

  test('nextBelow rejects rather than folds: a bound of 3·2³⁰ keeps each third equally likely', () => {
    const random = seededRandom(9)
    const counts = [0, 0, 0]
    for (let i = 0; i < 30_000; i++) counts[Math.floor(random.nextBelow(3 * 2 ** 30) / 2 ** 30)]++
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(4 * Math.sqrt(30_000 * (2 / 9)))
  })

  test('shuffle reaches the six orders of three values equally often, in place, typed arrays too', () => {
    const random = seededRandom(5)
    const counts = new Map<string, number>()
    for (let i = 0; i < 12_000; i++) {
      const order = random.shuffle(Uint32Array.of(1, 2, 3)).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(6)
    for (const count of counts.values()) {
      expect(Math.abs(count - 2000)).toBeLessThan(4 * Math.sqrt(12_000 * (5 / 36)))
    }
    const values = ['a', 'b', 'c']
    expect(random.shuffle(values)).toBe(values)
  })
})
