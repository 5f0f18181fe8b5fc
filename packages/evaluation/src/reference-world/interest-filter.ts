/**
 * Gaussian filter of the users' interests from ads shown and clicks, all parameters of the world but the interests
 * known: assumed-density filtering, clicks by moment matching, shown ads by one Newton step. A user's state is
 * (m, P) over (μ, d), mean interest and drift, with interest θ = H (μ, d), H = [I I].
 * Shape letters: U users, K topics.
 */
import type { SyntheticWorld } from '@headwater/datasets'
import { inverse, Matrix } from 'ml-matrix'
import { type Belief, logitAfterClick, logitWeights, shownAd, shrinkage } from './belief.ts'

interface State {
  /** [2K] */
  readonly mean: Float64Array
  /** [2K, 2K] */
  readonly covariance: Float64Array
  /** That the rest is of. */
  day: number
}

export class InterestFilter {
  readonly #world: SyntheticWorld
  readonly #states: readonly State[]
  readonly #topics: number
  readonly #width: number

  /** @param knowsProfiles whether the profiles tell of the users before anything was seen of them */
  constructor(world: SyntheticWorld, { knowsProfiles }: { knowsProfiles: boolean }) {
    const { topics, profileSize, interestSd, profileNoiseSd, driftSd } = world.setting
    this.#world = world
    this.#topics = topics
    this.#width = 2 * topics
    const map = Matrix.from1DArray(topics, profileSize, world.profileMap).div(profileNoiseSd)
    const precision = Matrix.eye(topics, topics, interestSd ** -2)
    if (knowsProfiles) precision.add(map.mmul(map.transpose()))
    const spread = inverse(precision)
    const start = Matrix.eye(this.#width, this.#width, driftSd ** 2)
      .setSubMatrix(spread, 0, 0)
      .to1DArray()
    const told = spread.mmul(map).div(profileNoiseSd)
    this.#states = world.users.map(({ profile }) => {
      const mean = new Float64Array(this.#width)
      if (knowsProfiles) mean.set(told.mmul(Matrix.columnVector(profile)).to1DArray())
      // Before the log's first day the drift is stationary and no shock has come.
      return { mean, covariance: Float64Array.from(start), day: -1 }
    })
  }

  dayOf(user: number): number {
    return this.#states[user].day
  }

  /** Takes a user's state from another filter of the same world. */
  copy(user: number, from: InterestFilter): void {
    const [own, other] = [this.#states[user], from.#states[user]]
    own.mean.set(other.mean)
    own.covariance.set(other.covariance)
    own.day = other.day
  }

  /** Goes on to a day: the drift decays and is renewed, and shocks that came since are added. */
  advance(user: number, day: number): void {
    const { driftCorrelation, driftSd } = this.#world.setting
    const state = this.#states[user]
    const { mean, covariance } = state
    if (day === state.day) return
    const [topics, width] = [this.#topics, this.#width]
    const kept = driftCorrelation ** (day - state.day)
    for (let i = 0; i < width; i++) {
      if (i >= topics) mean[i] *= kept
      for (let j = 0; j < width; j++) covariance[i * width + j] *= (i < topics ? 1 : kept) * (j < topics ? 1 : kept)
      if (i >= topics) covariance[i * width + i] += (1 - kept * kept) * driftSd ** 2
    }
    for (const shock of this.#world.shocks)
      if (shock.day > state.day && shock.day <= day) mean[shock.topic] += shock.amount
    state.day = day
  }

  /** The belief of a user's interest on the day that the filter has gone to. */
  belief(user: number): Belief {
    const { mean, covariance } = this.#states[user]
    const topics = this.#topics
    const gain = this.#gainOf(covariance)
    const both = Float64Array.from({ length: topics ** 2 }, (_, i) => gain[i] + gain[topics ** 2 + i])
    return {
      mean: Float64Array.from({ length: topics }, (_, i) => mean[i] + mean[topics + i]),
      covariance: Matrix.from1DArray(topics, topics, both),
    }
  }

  /**
   * Takes in the ads of one request: P' = P − P Hᵀ W H P, then m += P' Hᵀ Σ β (y − E y).
   * @param live topics [ads, K] of the ads that could be shown
   */
  show(user: number, ads: readonly number[], live: Float64Array): void {
    const { setting, ads: all } = this.#world
    const { mean, covariance } = this.#states[user]
    const [topics, width] = [this.#topics, this.#width]
    const { mean: interest, covariance: spread } = this.belief(user)
    const shown = shownAd(this.#world, interest, live)
    const gain = this.#gainOf(covariance)
    const shrunk = Matrix.from1DArray(width, topics, gain)
      .mmul(shrinkage(shown, ads.length, spread))
      .to1DArray()
    for (let i = 0; i < width; i++) {
      for (let j = i; j < width; j++) {
        let value = covariance[i * width + j]
        for (let k = 0; k < topics; k++) value -= shrunk[i * topics + k] * gain[j * topics + k]
        covariance[i * width + j] = value
        covariance[j * width + i] = value
      }
    }
    const gradient = new Float64Array(topics)
    for (const index of ads)
      for (let k = 0; k < topics; k++) gradient[k] += setting.targetingWeight * (all[index].topics[k] - shown.mean[k])
    const after = this.#gainOf(covariance)
    for (let i = 0; i < width; i++) for (let k = 0; k < topics; k++) mean[i] += after[i * topics + k] * gradient[k]
  }

  /** Takes in whether an ad shown was clicked: the logit's first two moments are matched. */
  click(user: number, index: number, surface: number, clicked: boolean): void {
    const { ads, surfaces } = this.#world
    const { mean, covariance } = this.#states[user]
    const [topics, width] = [this.#topics, this.#width]
    const ad = ads[index]
    const weights = logitWeights(this.#world, ad, surface)
    // P h, with h = Hᵀ weights.
    const gain = this.#gainOf(covariance)
    const move = new Float64Array(width)
    for (let i = 0; i < width; i++) for (let k = 0; k < topics; k++) move[i] += gain[i * topics + k] * weights[k]
    let logit = surfaces[surface].base + ad.quality
    let variance = 0
    for (let k = 0; k < topics; k++) {
      logit += weights[k] * (mean[k] + mean[topics + k])
      variance += weights[k] * (move[k] + move[topics + k])
    }
    const after = logitAfterClick(logit, variance, clicked)
    const step = (after.mean - logit) / variance
    const shrink = (variance - after.variance) / variance ** 2
    for (let i = 0; i < width; i++) {
      mean[i] += move[i] * step
      for (let j = 0; j < width; j++) covariance[i * width + j] -= shrink * move[i] * move[j]
    }
  }

  /** P Hᵀ [2K, K] */
  #gainOf(covariance: Float64Array): Float64Array {
    const [topics, width] = [this.#topics, this.#width]
    const gain = new Float64Array(width * topics)
    for (let i = 0; i < width; i++)
      for (let k = 0; k < topics; k++)
        gain[i * topics + k] = covariance[i * width + k] + covariance[i * width + topics + k]
    return gain
  }
}
