/**
 * The project's one seeded generator: xoshiro128** 1.1 (Blackman and Vigna 2018), state filled by SplitMix64 of the seed
 * (Steele et al. 2014). Integer arithmetic alone, so a seed gives the same stream on every machine.
 */
import { StatisticsError } from '../sample/statistics-error.ts'

type Shuffleable = { length: number; [index: number]: unknown }

export class SeededRandom {
  readonly #state: Int32Array
  /** Second deviate of the last polar pair; NaN when used. */
  #spareNormal = Number.NaN

  /** Four 32-bit words, not all zero. Most callers want `seededRandom`. */
  constructor(words: ArrayLike<number>) {
    this.#state = Int32Array.from(words)
    if (this.#state.length !== 4 || this.#state.every((word) => word === 0)) {
      throw new StatisticsError('xoshiro128** state: it must be four 32-bit words, not all zero')
    }
  }

  /** Four 32-bit words, from which a new generator goes on. A normal deviate that waits as half of a pair is not in them. */
  get words(): number[] {
    return [...this.#state]
  }

  /** Uniform integer in [0, 2³²). */
  nextU32(): number {
    const s = this.#state
    const fives = Math.imul(s[1], 5)
    const result = Math.imul((fives << 7) | (fives >>> 25), 9)
    const shifted = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= shifted
    s[3] = (s[3] << 11) | (s[3] >>> 21)
    return result >>> 0
  }

  /** Uniform in [0, 1), a multiple of 2⁻⁵³. */
  nextFloat(): number {
    const high = this.nextU32() >>> 5
    const low = this.nextU32() >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  }

  /** Uniform integer in [0, bound), without bias (rejection). @throws StatisticsError unless 1 ≤ bound ≤ 2³² is an integer. */
  nextBelow(bound: number): number {
    if (!(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32)) {
      throw new StatisticsError(`bound ${bound}: it must be an integer in [1, 2^32]`)
    }
    if (bound === 1) return 0
    // Just enough bits to reach the bound: fewer than two draws on average, and no slow remainder of a float.
    const unused = Math.clz32(bound - 1)
    let drawn: number
    do drawn = this.nextU32() >>> unused
    while (drawn >= bound)
    return drawn
  }

  /** Standard normal deviate (Marsaglia's polar method). */
  nextNormal(): number {
    if (!Number.isNaN(this.#spareNormal)) {
      const spare = this.#spareNormal
      this.#spareNormal = Number.NaN
      return spare
    }
    let u: number
    let v: number
    let square: number
    do {
      u = 2 * this.nextFloat() - 1
      v = 2 * this.nextFloat() - 1
      square = u * u + v * v
    } while (square >= 1 || square === 0)
    const factor = Math.sqrt((-2 * Math.log(square)) / square)
    this.#spareNormal = v * factor
    return u * factor
  }

  /** Permutes in place, every order equally likely (Fisher–Yates), and returns the same array. */
  shuffle<T extends Shuffleable>(values: T): T {
    for (let last = values.length - 1; last > 0; last--) {
      const other = this.nextBelow(last + 1)
      const kept = values[last]
      values[last] = values[other]
      values[other] = kept
    }
    return values
  }
}

/** A generator for this seed. @throws StatisticsError unless the seed is an integer in [0, 2⁵³). */
export function seededRandom(seed: number): SeededRandom {
  if (!(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new StatisticsError(`seed ${seed}: it must be an integer in [0, 2^53)`)
  }
  const next = splitMix64(BigInt(seed))
  const words = new BigUint64Array([next(), next()])
  return new SeededRandom(new Int32Array(words.buffer))
}

/** Stream of 64-bit words; only fills states, so BigInt is fast enough. */
export function splitMix64(seed: bigint): () => bigint {
  const wrap = (x: bigint) => BigInt.asUintN(64, x)
  let state = seed
  return () => {
    state = wrap(state + 0x9e3779b97f4a7c15n)
    let mixed = state
    mixed = wrap((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n)
    mixed = wrap((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn)
    return mixed ^ (mixed >> 31n)
  }
}
