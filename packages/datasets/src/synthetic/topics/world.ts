import { RandomStream } from '../random-stream.ts'
import type { SyntheticSetting } from './setting.ts'

/** Shape letters: U users, A ads, K topics, S surfaces, P profile numbers. */

export type SyntheticWorld = ReturnType<typeof createWorld>
export type SyntheticAd = ReturnType<typeof createAd>
export type SyntheticUser = ReturnType<typeof createUser>

/** What does not change from day to day: everything behind the log but the users' drift. */
export function createWorld(seed: number, setting: SyntheticSetting) {
  const { topics, profileSize } = setting
  /** B [K, P] */
  const profileMap = fill(topics * profileSize, new RandomStream(seed, 'profileMap', 0), 1 / Math.sqrt(topics))
  /** Per surface: logit, share of the requests, and K factors g on the affinity. */
  const surfaces = setting.surfaces.map(({ base, share }, s) => {
    const random = new RandomStream(seed, 'surface', s)
    return { base, share, gains: Float64Array.from({ length: topics }, () => 0.6 + 0.8 * random.uniform()) }
  })
  /** From `day` on, every user's mean interest in `topic` is higher by `amount`. */
  const shocks = [1 / 3, 3 / 4].map((part, i) => ({
    day: Math.floor(part * setting.days),
    topic: new RandomStream(seed, 'shock', i).integer(0, topics),
    amount: setting.shock,
  }))
  const ads = Array.from({ length: setting.ads }, (_, a) => createAd(seed, setting, a))
  const users = Array.from({ length: setting.users }, (_, u) => createUser(seed, setting, u, profileMap))
  return { seed, setting, ads, users, surfaces, profileMap, shocks }
}

function createAd(seed: number, setting: SyntheticSetting, index: number) {
  const random = new RandomStream(seed, 'ad', index)
  // A Dirichlet draw is a normalized row of Gamma draws.
  const weights = Array.from({ length: setting.topics }, () => random.gamma(setting.topicConcentration))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return {
    /** Shares of the K topics, sum 1. */
    topics: Float32Array.from(weights, (weight) => weight / total),
    /** Logit. */
    quality: setting.qualitySd * random.normal(),
    /** First day that it is shown on. */
    firstDay: firstDay(random, setting.laterAds, setting.days, index),
  }
}

function createUser(seed: number, setting: SyntheticSetting, index: number, profileMap: Float64Array) {
  const random = new RandomStream(seed, 'user', index)
  const interest = fill(setting.topics, random, setting.interestSd)
  const profile = Float32Array.from({ length: setting.profileSize }, (_, p) => {
    const expected = interest.reduce((sum, value, k) => sum + value * profileMap[k * setting.profileSize + p], 0)
    return expected + setting.profileNoiseSd * random.normal()
  })
  return {
    /** Mean interest μ in the K topics, before any shock. */
    interest,
    /** P numbers that depend on the mean interest: μB + noise. */
    profile,
    /** [K]: what the user buys apart from what interests; enters conversions only. */
    taste: fill(setting.topics, new RandomStream(seed, 'taste', index), 1),
    activity: random.gamma(setting.activityShape) + 0.05,
    firstDay: firstDay(random, setting.laterUsers, setting.days, index),
  }
}

/** Day 0 or, for a share of all, any later one. The first of a kind is always there. */
function firstDay(random: RandomStream, laterShare: number, days: number, index: number): number {
  const later = random.uniform() < laterShare
  const day = random.integer(1, days)
  return later && index > 0 && days > 1 ? day : 0
}

function fill(length: number, random: RandomStream, sd: number): Float64Array {
  return Float64Array.from({ length }, () => sd * random.normal())
}
