/**
 * Gaussian beliefs of the users' interests in a world with hidden item factors, from clicks, by assumed-density filtering. A
 * user's state θ ~ N(m, P) holds M interests of K numbers each; an impression's affinity is hᵀθ with h = w ⊗ f, where w [M] is what
 * the interests weigh at that time and f [K] are the item's factors. Shape letters: U users, N = M K.
 */
import type { HiddenWorld } from '@headwater/datasets'

/** Affinity of an impression before it is known whether it was clicked. */
export interface Affinity {
  readonly mean: number
  readonly variance: number
}

export class InterestBeliefs {
  readonly #setting: HiddenWorld['setting']
  /** [U, N] */
  readonly #means: Float64Array
  /** [U, N, N] */
  readonly #covariances: Float64Array
  /** Day that each user's state is of, [U] */
  readonly #days: Int32Array
  readonly #size: number
  /** h and P h of the last impression looked at, [N]. */
  readonly #direction: Float64Array
  readonly #gain: Float64Array

  constructor({ setting, users }: HiddenWorld) {
    const { interests, factors } = setting
    const size = interests.length * factors
    this.#setting = setting
    this.#size = size
    this.#means = new Float64Array(users.length * size)
    this.#covariances = new Float64Array(users.length * size * size)
    this.#days = new Int32Array(users.length)
    this.#direction = new Float64Array(size)
    this.#gain = new Float64Array(size)
    for (let u = 0; u < users.length; u++)
      for (let i = 0; i < size; i++)
        this.#covariances[(u * size + i) * size + i] = interests[Math.floor(i / factors)].sd ** 2
  }

  dayOf(user: number): number {
    return this.#days[user]
  }

  /** Takes a user's state from other beliefs of the same world. */
  copy(user: number, from: InterestBeliefs): void {
    const [size, square] = [this.#size, this.#size ** 2]
    this.#means.set(from.#means.subarray(user * size, (user + 1) * size), user * size)
    this.#covariances.set(from.#covariances.subarray(user * square, (user + 1) * square), user * square)
    this.#days[user] = from.#days[user]
  }

  /** Goes on to a day: each interest decays and is renewed. */
  advance(user: number, day: number): void {
    const passed = day - this.#days[user]
    if (passed === 0) return
    const { interests, factors } = this.#setting
    const size = this.#size
    const kept = Float64Array.from({ length: size }, (_, i) => interests[Math.floor(i / factors)].kept ** passed)
    for (let i = 0; i < size; i++) {
      this.#means[user * size + i] *= kept[i]
      const at = (user * size + i) * size
      for (let j = 0; j < size; j++) this.#covariances[at + j] *= kept[i] * kept[j]
      this.#covariances[at + i] += (1 - kept[i] ** 2) * interests[Math.floor(i / factors)].sd ** 2
    }
    this.#days[user] = day
  }

  affinity(user: number, weights: Float64Array, factors: Float64Array): Affinity {
    const size = this.#size
    const [h, gain] = [this.#direction, this.#gain]
    for (let m = 0, i = 0; m < weights.length; m++)
      for (let k = 0; k < factors.length; k++, i++) h[i] = weights[m] * factors[k]
    let [mean, variance] = [0, 0]
    for (let i = 0; i < size; i++) {
      const at = (user * size + i) * size
      let sum = 0
      for (let j = 0; j < size; j++) sum += this.#covariances[at + j] * h[j]
      gain[i] = sum
      mean += h[i] * this.#means[user * size + i]
      variance += h[i] * sum
    }
    return { mean, variance }
  }

  /** E |Σ_m w_m θ_m|²: what an item of unknown factors, each of variance 1, has for a variance of affinity. */
  strength(user: number, weights: Float64Array): number {
    const [size, factors] = [this.#size, this.#setting.factors]
    let sum = 0
    for (let k = 0; k < factors; k++) {
      let mean = 0
      for (let m = 0; m < weights.length; m++) {
        const i = m * factors + k
        mean += weights[m] * this.#means[user * size + i]
        for (let n = 0; n < weights.length; n++)
          sum += weights[m] * weights[n] * this.#covariances[(user * size + i) * size + n * factors + k]
      }
      sum += mean * mean
    }
    return sum
  }

  /**
   * Takes in what became of the impression that `affinity` was last asked of: m += P h · step, P −= P h hᵀ P · shrink.
   */
  learn(user: number, step: number, shrink: number): void {
    const [size, gain] = [this.#size, this.#gain]
    for (let i = 0; i < size; i++) {
      this.#means[user * size + i] += gain[i] * step
      const at = (user * size + i) * size
      const scaled = shrink * gain[i]
      for (let j = 0; j < size; j++) this.#covariances[at + j] -= scaled * gain[j]
    }
  }

  /**
   * Takes in what an outcome says of the strength of the interests, |Σ_m w_m θ_m|²: with S the matrix of that form, m += bend · P S m and
   * P += bend · P S P.
   */
  learnStrength(user: number, weights: Float64Array, bend: number): void {
    const [size, factors] = [this.#size, this.#setting.factors]
    const columns = Array.from({ length: factors }, (_, k) => {
      const column = new Float64Array(size)
      let mean = 0
      for (let m = 0; m < weights.length; m++) mean += weights[m] * this.#means[user * size + m * factors + k]
      for (let i = 0; i < size; i++)
        for (let m = 0; m < weights.length; m++)
          column[i] += weights[m] * this.#covariances[(user * size + i) * size + m * factors + k]
      return { column, mean }
    })
    for (const { column, mean } of columns)
      for (let i = 0; i < size; i++) {
        this.#means[user * size + i] += bend * column[i] * mean
        const at = (user * size + i) * size
        for (let j = 0; j < size; j++) this.#covariances[at + j] += bend * column[i] * column[j]
      }
  }
}
