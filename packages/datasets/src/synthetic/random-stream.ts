/** What a stream of random numbers is for: streams of different purposes are independent. */
export const purposes = {
  surface: 1,
  profileMap: 2,
  ad: 3,
  user: 4,
  drift: 5,
  requests: 6,
  shock: 7,
  taste: 8,
  conversions: 9,
  category: 10,
  hiddenItem: 11,
  hiddenUser: 12,
  hiddenDrift: 13,
  popularity: 14,
  visits: 15,
  hiddenDay: 16,
  hiddenConversions: 17,
} as const

/** Random numbers that depend on seed, purpose and index only, so that any entity or day can be drawn on its own. */
export class RandomStream {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** The sfc32 generator (Doty-Humphrey, PractRand), keyed by three 32-bit numbers and run in. */
  constructor(seed: number, purpose: keyof typeof purposes, index: number) {
    this.#a = purposes[purpose]
    this.#b = seed | 0
    this.#c = index | 0
    for (let i = 0; i < 15; i++) this.uniform()
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }

  /** A whole number in [low, high). */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low))
  }

  /** Standard normal (Box and Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return radius * Math.cos(2 * Math.PI * this.uniform())
  }

  /** Gamma of scale 1 (Marsaglia and Tsang 2000; below shape 1 boosted by a power of a uniform). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.uniform()) ** (1 / shape)
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = this.normal()
      const v = (1 + c * x) ** 3
      if (v > 0 && Math.log(1 - this.uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v
    }
  }

  /** Index drawn in proportion to weights, given their running sums. */
  pick(cumulative: Float64Array): number {
    const target = this.uniform() * cumulative[cumulative.length - 1]
    let [low, high] = [0, cumulative.length - 1]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (cumulative[middle] > target) high = middle
      else low = middle + 1
    }
    return low
  }
}
