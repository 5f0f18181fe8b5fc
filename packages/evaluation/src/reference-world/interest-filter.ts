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

  /** @param knowsProfiles whether the profiles tell of the users before anything was seen of them */
  constructor(world: SyntheticWorld, { knowsProfiles }: { knowsProfiles: boolean }) {
    const { users, topics } = world.setting
    this.#world = world
    this.#means = new Float64Array(users * 2 * topics)
    this.#covariances = new Float64Array(users * 4 * topics * topics)
    // Before the log's first day the drift is stationary and no shock has come.
    this.#days = new Int32Array(users).fill(-1)
    this.#shown = new ShownAd(world)
    this.#start(knowsProfiles)
  }

  dayOf(user: number): number {
    return this.#days[user]
  }

  /** Takes a user's state from another filter of the same world. */
  copy(user: number, from: InterestFilter): void {
    const [own, other] = [this.#state(user), from.#state(user)]
    own.mean.set(other.mean)
    own.covariance.set(other.covariance)
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
    const gain = this.#gainOf(this.#matrixOf(covariance))
    return {
      mean: Float64Array.from({ length: topics }, (_, k) => mean[k] + mean[topics + k]),
      covariance: this.#interestOf(gain),
    }
  }

  /**
   * Takes in the ads of one request: P' = P − P Hᵀ W H P, then m += P' Hᵀ Σ β (y − E y).
   * @param live topics [ads, K] of the ads that could be shown
   */
  show(user: number, ads: readonly number[], live: Float64Array): void {
    const { setting, ads: all } = this.#world
    const { topics, targetingWeight } = setting
    const { mean, covariance } = this.#state(user)
    const { mean: interest, covariance: spread } = this.belief(user)
    this.#shown.seenFrom(interest, live)
    const p = this.#matrixOf(covariance)
    const gain = this.#gainOf(p)
    p.sub(gain.mmul(shrinkage(this.#shown, ads.length, spread)).mmul(gain.transpose()))
    const gradient = Matrix.zeros(topics, 1)
    for (const index of ads)
      gradient.add(
        Matrix.columnVector(all[index].topics).sub(Matrix.columnVector(this.#shown.mean)).mul(targetingWeight),
      )
    addTo(mean, this.#gainOf(p).mmul(gradient))
    covariance.set(p.to1DArray())
  }

  /** Takes in whether an ad shown was clicked: the logit's first two moments are matched. */
  click(user: number, index: number, surface: number, clicked: boolean): void {
    const { ads, surfaces } = this.#world
    const { mean, covariance } = this.#state(user)
    const ad = ads[index]
    const weights = logitWeights(this.#world, ad, surface)
    const p = this.#matrixOf(covariance)
    // P h, with h = Hᵀ weights.
    const move = this.#gainOf(p).mmul(weights)
    const logit = surfaces[surface].base + ad.quality + weights.dot(this.#interestOf(Matrix.columnVector(mean)))
    const variance = weights.dot(this.#interestOf(move))
    const after = logitAfterClick(logit, variance, clicked)
    addTo(mean, Matrix.mul(move, (after.mean - logit) / variance))
    p.sub(move.mmul(move.transpose()).mul((variance - after.variance) / variance ** 2))
    covariance.set(p.to1DArray())
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
    users.forEach(({ profile }, u) => {
      const { mean, covariance } = this.#state(u)
      covariance.set(start)
      if (knowsProfiles) addTo(mean, spread.mmul(map.mmul(Matrix.columnVector(profile)).div(profileNoiseSd)))
    })
  }

  #state(user: number): { mean: Float64Array; covariance: Float64Array } {
    const width = 2 * this.#world.setting.topics
    return {
      mean: this.#means.subarray(user * width, (user + 1) * width),
      covariance: this.#covariances.subarray(user * width * width, (user + 1) * width * width),
    }
  }

  #matrixOf(covariance: Float64Array): Matrix {
    const width = 2 * this.#world.setting.topics
    return Matrix.from1DArray(width, width, covariance)
  }

  /** P Hᵀ [2K, K] */
  #gainOf(p: Matrix): Matrix {
    const { topics } = this.#world.setting
    const part = (from: number) => p.subMatrix(0, p.rows - 1, from, from + topics - 1)
    return part(0).add(part(topics))
  }

  /** H X [K, columns] of X [2K, columns]. */
  #interestOf(x: Matrix): Matrix {
    const { topics } = this.#world.setting
    const part = (from: number) => x.subMatrix(from, from + topics - 1, 0, x.columns - 1)
    return part(0).add(part(topics))
  }
}

/** Adds a column to the first numbers of what is held. */
function addTo(values: Float64Array, column: Matrix): void {
  for (let i = 0; i < column.rows; i++) values[i] += column.get(i, 0)
}
