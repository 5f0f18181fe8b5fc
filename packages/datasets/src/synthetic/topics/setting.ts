import { LogError } from '../../log/log-error.ts'
import { checkSeed } from '../seed.ts'

/**
 * Parameters of the synthetic log, as of the setting of 600,000 impressions at which known figures of it were measured. Shape
 * letters: U users, A ads, K topics.
 */
export const referenceSetting = {
  /** U */
  users: 2000,
  /** A */
  ads: 300,
  /** K */
  topics: 8,
  days: 20,
  /** Rounded down to whole requests. */
  impressionsPerDay: 30_000,
  /** Impressions of one request, at one time. */
  adsPerRequest: 3,
  /** Standard deviation of a user's mean interest in a topic. */
  interestSd: 0.6,
  /** Standard deviation of a user's drift, and its correlation from one day to the next. */
  driftSd: 1.1,
  driftCorrelation: 0.85,
  /** α: weight of the affinity in the click's logit. */
  affinityWeight: 1.8,
  /** β: weight of the interest in the choice of the ads shown. */
  targetingWeight: 0.4,
  /** Concentration of the Dirichlet distribution of an ad's topics. */
  topicConcentration: 0.2,
  /** Standard deviation of an ad's quality, in logits. */
  qualitySd: 0.5,
  /** Shape of the Gamma distribution of the users' activity. */
  activityShape: 1.5,
  /** What every user's interest in one topic gains for good, on each of two days. */
  shock: 0.4,
  /** Shares of ads and users that are not there from the first day. */
  laterAds: 0.4,
  laterUsers: 0.3,
  /** Numbers in a user's profile, and the standard deviation of their noise. */
  profileSize: 8,
  profileNoiseSd: 0.7,
  /** Logit and share of the requests, per surface. */
  surfaces: [
    { base: -3.6, share: 0.5 },
    { base: -3.0, share: 0.3 },
    { base: -4.2, share: 0.2 },
  ],
}

/** A click converts with logit base + affinityWeight · affinity + tasteWeight · taste for the ad's topics. */
const conversions = {
  base: -2,
  affinityWeight: 0.8,
  /** Weight of a taste of the user's own, N(0, 1) a topic, which does not show in clicks. */
  tasteWeight: 0.5,
  /** Mean of the exponential delay from click to conversion. */
  meanDelayDays: 0.5,
  /** Attribution window: a conversion after it counts as none. */
  windowDays: 2,
}

export type SyntheticConversions = typeof conversions

/** Without `conversions` the log has none. They change nothing else of it. */
export type SyntheticSetting = typeof referenceSetting & { conversions?: SyntheticConversions }

/** The reference setting with 120,000 impressions: what `openLog({ data: 'synthetic' })` generates. */
export const smallSetting: SyntheticSetting = { ...referenceSetting, users: 1000, impressionsPerDay: 6000 }

/** The reference setting with 2.4 million impressions: four times the users, each with as many. */
export const mediumSetting: SyntheticSetting = { ...referenceSetting, users: 8000, impressionsPerDay: 120_000 }

/** The reference setting with ten million impressions: more users, each with as many. */
export const largeSetting: SyntheticSetting = { ...referenceSetting, users: 33_333, impressionsPerDay: 500_000 }

/** The reference setting, the same clicks in it, with conversions that become known within two days. */
export const conversionSetting: SyntheticSetting = { ...referenceSetting, conversions }

export interface SyntheticOptions {
  /** The same seed and setting give the same rows. Default 0. */
  seed?: number
  /** Default `smallSetting`. */
  setting?: SyntheticSetting
}

/** @throws LogError where a size is no whole number ≥ 1, or the seed is none of 32 bits */
export function checkSyntheticOptions(seed: number, setting: SyntheticSetting): void {
  checkSeed(seed)
  const sizes = ['users', 'ads', 'topics', 'days', 'impressionsPerDay', 'adsPerRequest', 'profileSize'] as const
  for (const size of sizes) {
    if (Number.isInteger(setting[size]) && setting[size] >= 1) continue
    throw new LogError(`${size} is ${setting[size]}`, 'use a whole number of at least 1', { field: size })
  }
  if (setting.impressionsPerDay < setting.adsPerRequest) {
    const remedy = `use at least ${setting.adsPerRequest}, the impressions of one request`
    throw new LogError(`impressionsPerDay is ${setting.impressionsPerDay}`, remedy, { field: 'impressionsPerDay' })
  }
  if (setting.conversions === undefined) return
  for (const span of ['meanDelayDays', 'windowDays'] as const) {
    if (setting.conversions[span] > 0) continue
    throw new LogError(`${span} is ${setting.conversions[span]}`, 'use a number above 0', { field: span })
  }
}
