/**
 * Gaussian filter of the users' interests from ads shown and clicks, all parameters of the world but the interests
 * known: assumed-density filtering, clicks by moment matching, shown ads by one Newton step. A user's state is
 * (m, P) over (μ, d), mean interest and drift, with interest θ = H (μ, d), H = [I I].
 * Shape letters: U users, K topics.
 */
import type { SyntheticWorld } from '@headwater/datasets'
import { inverse, Matrix } from 'ml-matrix'
import { type Belief, logitAfterClick, logitWeights, ShownAd, shrinkage } from './belief.ts'

export class InterestFilter {
  readonly #world: SyntheticWorld
  /** [U, 2K] and [U, 2K, 2K] */
  readonly #means: Float64Array
  readonly #covariances: Float64Array
  /** The day that a user's state is of. */
  readonly #days: Int32Array
  readonly #shown: ShownAd
  /** P Hᵀ and P Hᵀ W, [2K, K] */
  readonly #gain: Float64Array
  readonly #gainShrunk: Float64Array
  readonly #gradient: Float64Array
  readonly #logitWeights: Float64Array
  readonly #move: Float64Array

  /** @param knowsProfiles whether the profiles tell of the users before anything was seen of them */
  constructor(world: SyntheticWorld, { knowsProfiles }: { knowsProfiles: boolean }) {
    const { users, topics } = world.setting
    this.#world = world
    this.#means = new Float64Array(users * 2 * topics)
    this.#covariances = new Float64Array(users * 4 * topics * topics)
    // Before the log's first day the drift is stationary and no shock has come.
    this.#days = new Int32Array(users).fill(-1)
    this.#shown = new ShownAd(world)
    this.#gain = new Float64Array(2 * topics ** 2)
    this.#gainShrunk = new Float64Array(2 * topics ** 2)
    this.#gradient = new Float64Array(topics)
    this.#logitWeights = new Float64Array(topics)
    this.#move = new Float64Array(2 * topics)
    this.#start(knowsProfiles)
  }

  dayOf(user: number): number {
    return this.#days[user]
  }

  /** Takes a user's state from another filter of the same world. */
  copy(user: number, from: InterestFilter): void {
    const width = 2 * this.#world.setting.topics
    copyPart(from.#means, this.#means, user * width, width)
    copyPart(from.#covariances, this.#covariances, user * width * width, width * width)
    this.#days[user] = from.#days[user]
  }

  /** Goes on to a day: the drift decays and is renewed, and shocks that came since are added. */
  advance(user: number, day: number): void {
    const { topics, driftCorrelation, driftSd } = this.#world.setting
    const passed = day - this.#days[user]
    if (passed === 0) return
    const { mean, covariance } = this.#state(user)
    const width = 2 * topics
    const kept = driftCorrelation ** passed
    for (let i = 0; i < width; i++) {
      if (i >= topics) mean[i] *= kept
      for (let j = 0; j < width; j++) covariance[i * width + j] *= (i < topics ? 1 : kept) * (j < topics ? 1 : kept)
      if (i >= topics) covariance[i * width + i] += (1 - kept * kept) * driftSd ** 2
    }
    for (const shock of this.#world.shocks) {
      if (shock.day > this.#days[user] && shock.day <= day) mean[shock.topic] += shock.amount
    }
    this.#days[user] = day
  }

  /** The belief of a user's interest on the day that the filter has gone to. */
  belief(user: number): Belief {
    const { topics } = this.#world.setting
    const { mean, covariance } = this.#state(user)
    const width = 2 * topics
    const belief = { mean: new Float64Array(topics), covariance: new Matrix(topics, topics) }
    for (let i = 0; i < topics; i++) {
      belief.mean[i] = mean[i] + mean[topics + i]
      for (let j = 0; j < topics; j++) {
        const top = i * width + j
        const bottom = top + topics * width
        const both = covariance[top] + covariance[top + topics] + covariance[bottom] + covariance[bottom + topics]
        belief.covariance.set(i, j, both)
      }
    }
    return belief
  }

  /**
   * Takes in the ads of one request: P' = P − P Hᵀ W H P, then m += P' Hᵀ Σ β (y − E y).
   * @param live topics [ads, K] of the ads that could be shown
   */
  show(user: number, ads: readonly number[], live: Float64Array): void {
    const { setting, ads: all } = this.#world
    const { topics, targetingWeight } = setting
    const { mean, covariance } = this.#state(user)
    const width = 2 * topics
    const { mean: interest, covariance: spread } = this.belief(user)
    this.#shown.seenFrom(interest, live)
    const weights = shrinkage(this.#shown, ads.length, spread).to1DArray()
    const gain = this.#gain
    const shrunk = this.#gainShrunk
    for (let i = 0; i < width; i++) {
      for (let k = 0; k < topics; k++) {
        gain[i * topics + k] = covariance[i * width + k] + covariance[i * width + topics + k]
      }
      for (let k = 0; k < topics; k++) {
        let sum = 0
        for (let l = 0; l < topics; l++) sum += gain[i * topics + l] * weights[l * topics + k]
        shrunk[i * topics + k] = sum
      }
    }
    for (let i = 0; i < width; i++) {
      for (let j = i; j < width; j++) {
        let value = covariance[i * width + j]
        for (let k = 0; k < topics; k++) value -= shrunk[i * topics + k] * gain[j * topics + k]
        covariance[i * width + j] = value
        covariance[j * width + i] = value
      }
    }
    this.#gradient.fill(0)
    for (const index of ads) {
      for (let k = 0; k < topics; k++) {
        this.#gradient[k] += targetingWeight * (all[index].topics[k] - this.#shown.mean[k])
      }
    }
    for (let i = 0; i < width; i++) {
      for (let k = 0; k < topics; k++) {
        mean[i] += (covariance[i * width + k] + covariance[i * width + topics + k]) * this.#gradient[k]
      }
    }
  }

  /** Takes in whether an ad shown was clicked: the logit's first two moments are matched. */
  click(user: number, index: number, surface: number, clicked: boolean): void {
    const { setting, ads, surfaces } = this.#world
    const { topics } = setting
    const { mean, covariance } = this.#state(user)
    const width = 2 * topics
    const ad = ads[index]
    const weights = logitWeights(this.#world, ad, surface, this.#logitWeights)
    // P h, with h = Hᵀ weights.
    const move = this.#move
    for (let i = 0; i < width; i++) {
      let sum = 0
      for (let k = 0; k < topics; k++) {
        sum += (covariance[i * width + k] + covariance[i * width + topics + k]) * weights[k]
      }
      move[i] = sum
    }
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

  #start(knowsProfiles: boolean): void {
    const { setting, users, profileMap } = this.#world
    const { topics, profileSize, interestSd, profileNoiseSd, driftSd } = setting
    const map = Matrix.from1DArray(topics, profileSize, profileMap).div(profileNoiseSd)
    const precision = Matrix.eye(topics, topics, interestSd ** -2)
    if (knowsProfiles) precision.add(map.mmul(map.transpose()))
    const spread = inverse(precision)
    const width = 2 * topics
    const start = Matrix.eye(width, width, driftSd ** 2)
      .setSubMatrix(spread, 0, 0)
      .to1DArray()
    const told = spread.mmul(map).div(profileNoiseSd)
    users.forEach(({ profile }, u) => {
      const { mean, covariance } = this.#state(u)
      covariance.set(start)
      if (knowsProfiles) mean.set(told.mmul(Matrix.columnVector(profile)).to1DArray())
    })
  }

  #state(user: number): { mean: Float64Array; covariance: Float64Array } {
    const width = 2 * this.#world.setting.topics
    return {
      mean: this.#means.subarray(user * width, (user + 1) * width),
      covariance: this.#covariances.subarray(user * width * width, (user + 1) * width * width),
    }
  }
}

function copyPart(from: Float64Array, to: Float64Array, at: number, length: number): void {
  to.set(from.subarray(at, at + length), at)
}
