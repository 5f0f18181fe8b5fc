import type { RandomStream } from './random-stream.ts'

/** When conversions come. */
interface ConversionTimes {
  /** Mean of the exponential delay from click to conversion. */
  readonly meanDelayDays: number
  /** Attribution window: a conversion after it counts as none. */
  readonly windowDays: number
}

/** What becomes of a click. @param logit of the chance that it converts, however late */
export function drawConversion(random: RandomStream, { meanDelayDays, windowDays }: ConversionTimes, logit: number) {
  const everProbability = 1 / (1 + Math.exp(-logit))
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
