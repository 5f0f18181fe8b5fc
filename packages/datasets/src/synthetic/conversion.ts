import type { RandomStream } from './random-stream.ts'
import type { SyntheticConversions } from './setting.ts'
import type { SyntheticAd, SyntheticUser } from './world.ts'

/** What becomes of a click. @param affinity interest weighted by surface and the ad's topics, as in the click's logit. */
export function drawConversion(
  random: RandomStream,
  { base, affinityWeight, tasteWeight, meanDelayDays, windowDays }: SyntheticConversions,
  user: SyntheticUser,
  ad: SyntheticAd,
  affinity: number,
) {
  const liking = user.taste.reduce((sum, taste, k) => sum + taste * ad.topics[k], 0)
  const everProbability = 1 / (1 + Math.exp(-(base + affinityWeight * affinity + tasteWeight * liking)))
  const probability = everProbability * -Math.expm1(-windowDays / meanDelayDays)
  // Both are drawn for every click, so that one click's conversion does not move the next one's.
  const converts = random.uniform() < everProbability
  const delayDays = -meanDelayDays * Math.log(1 - random.uniform())
  const label: 0 | 1 = converts && delayDays <= windowDays ? 1 : 0
  return {
    /** True probability of the label. */
    probability,
    /** 1 where the click converted within the attribution window. */
    label,
    /** From click to conversion; null where the click never converts. A delay beyond the window has label 0. */
    delayDays: converts ? delayDays : null,
  }
}
