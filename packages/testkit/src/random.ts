/** A seeded source of randomness for tests: the same seed gives the same numbers on every platform. */
export interface Random {
  /** Uniform in [0, 1), a multiple of 2⁻³². */
  next(): number
  /** A whole number, both ends included. */
  integer(low: number, high: number): number
  /** Standard normal. */
  normal(): number
  /** One of the values, each as likely. */
  pick<T>(values: readonly T[]): T
}

/** The sfc32 generator (Doty-Humphrey, PractRand), started from a seed and run in. */
export function seededRandom(seed: number): Random {
  let a = 0
  let b = seed >>> 0
  let c = Math.floor(seed / 2 ** 32) >>> 0
  let counter = 1

  function bits(): number {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) bits()

  const next = () => bits() / 2 ** 32
  return {
    next,
    integer: (low, high) => low + Math.floor(next() * (high - low + 1)),
    // Box and Muller; 1 − u keeps the logarithm's argument above 0.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    pick: (values) => values[Math.floor(next() * values.length)]!,
  }
}
