/**
 * What an observer who knows the world's ads, surfaces and logging policy believes of one user's interest θ on a day:
 * θ ~ N(mean, covariance). Shape letters: K topics.
 */
import type { SyntheticAd, SyntheticWorld } from '@headwater/datasets'
import { Matrix, solve } from 'ml-matrix'
import { gaussHermite } from './gauss-hermite.ts'

export interface Belief {
  /** [K] */
  readonly mean: Float64Array
  /** [K, K] */
  readonly covariance: Matrix
}

/** Ads that may be shown on a day. */
export function liveTopics(world: SyntheticWorld, day: number): Float64Array {
  return Float64Array.from(world.ads.flatMap((ad) => (ad.firstDay <= day ? [...ad.topics] : [])))
}

/** The choice of one ad out of those live, seen from an interest θ. */
interface ShownAd {
  /** E y [K]: what the ad's topics have for a mean there. */
  readonly mean: Float64Array
  /** M = β² Cov y [K, K]: the log-probability of a choice has the Hessian −M. */
  readonly information: Float64Array
}

/** @param live topics [ads, K] of the ads that could be shown */
export function shownAd({ setting }: SyntheticWorld, interest: Float64Array, live: Float64Array): ShownAd {
  const topics = interest.length
  const mean = new Float64Array(topics)
  const information = new Float64Array(topics ** 2)
  const odds = new Float64Array(live.length / topics)
  let total = 0
  for (let a = 0, at = 0; a < odds.length; a++) {
    let match = 0
    for (let k = 0; k < topics; k++) match += interest[k] * live[at++]
    odds[a] = Math.exp(setting.targetingWeight * match)
    total += odds[a]
  }
  for (let a = 0; a < odds.length; a++) {
    const share = odds[a] / total
    const at = a * topics
    for (let k = 0; k < topics; k++) {
      const part = share * live[at + k]
      mean[k] += part
      for (let l = k; l < topics; l++) information[k * topics + l] += part * live[at + l]
    }
  }
  for (let k = 0; k < topics; k++)
    for (let l = k; l < topics; l++) {
      const value = setting.targetingWeight ** 2 * (information[k * topics + l] - mean[k] * mean[l])
      information[k * topics + l] = value
      information[l * topics + k] = value
    }
  return { mean, information }
}

/** W = (I + n M S)⁻¹ n M [K, K], with which seeing n ads takes S to S − S W S. */
export function shrinkage({ information, mean }: ShownAd, count: number, covariance: Matrix): Matrix {
  const seen = Matrix.from1DArray(mean.length, mean.length, information).mul(count)
  return solve(seen.mmul(covariance).add(Matrix.eye(mean.length)), seen)
}

const { x: nodes, w: weights } = gaussHermite(20)

/** E σ(η) of η ~ N(mean, variance). */
export function expectedSigmoid(mean: number, variance: number): number {
  const sd = Math.sqrt(variance)
  let sum = 0
  for (let i = 0; i < nodes.length; i++) sum += weights[i] / (1 + Math.exp(-(mean + sd * nodes[i])))
  return sum
}

/** Mean and variance of η ~ N(mean, variance) once it is known whether a click of probability σ(η) came. */
export function logitAfterClick(mean: number, variance: number, clicked: boolean): { mean: number; variance: number } {
  const sd = Math.sqrt(variance)
  let [total, first, second] = [0, 0, 0]
  for (let i = 0; i < nodes.length; i++) {
    const z = mean + sd * nodes[i]
    const weight = weights[i] / (1 + Math.exp(clicked ? -z : z))
    total += weight
    first += weight * nodes[i]
    second += weight * nodes[i] ** 2
  }
  first /= total
  return { mean: mean + sd * first, variance: variance * (second / total - first ** 2) }
}

/**
 * Probability of a click on each of the ads, every one for itself: the others of the request tell it nothing. The ad itself
 * tells of the interest, since it was chosen by it.
 * @param live topics [ads, K] of the ads that could be shown
 */
export function predictClicks(
  world: SyntheticWorld,
  { mean, covariance }: Belief,
  ads: readonly number[],
  surface: number,
  live: Float64Array,
): number[] {
  const { topics, targetingWeight } = world.setting
  const shown = shownAd(world, mean, live)
  const lost = covariance.mmul(shrinkage(shown, 1, covariance)).mmul(covariance)
  const after = Matrix.sub(covariance, lost).to1DArray()
  return ads.map((index) => {
    const ad = world.ads[index]
    const weights = logitWeights(world, ad, surface)
    let logit = world.surfaces[surface].base + ad.quality
    let variance = 0
    for (let k = 0; k < topics; k++) {
      let interest = mean[k]
      let spread = 0
      for (let l = 0; l < topics; l++) {
        interest += after[k * topics + l] * targetingWeight * (ad.topics[l] - shown.mean[l])
        spread += after[k * topics + l] * weights[l]
      }
      logit += weights[k] * interest
      variance += weights[k] * spread
    }
    return expectedSigmoid(logit, variance)
  })
}

/** α g ∘ y [K]: what a topic's interest adds to the logit of a click on this ad. */
export function logitWeights({ setting, surfaces }: SyntheticWorld, ad: SyntheticAd, surface: number): Float64Array {
  const { gains } = surfaces[surface]
  return gains.map((gain, k) => setting.affinityWeight * gain * ad.topics[k])
}
