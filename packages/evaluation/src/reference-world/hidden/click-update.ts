import { expectedSigmoid, logitAfterClick } from '../belief.ts'
import type { Affinity } from './interest-belief.ts'

/** What an outcome says of an affinity: factors of P h in the mean and of P h hᵀ P in the covariance. */
interface Update {
  readonly step: number
  readonly shrink: number
}

/** The first two derivatives of an outcome's probability by the logit's mean, ÷ itself, at a logit N(mean, variance). */
function slopes(mean: number, variance: number, clicked: boolean): { first: number; second: number } {
  const after = logitAfterClick(mean, variance, clicked)
  const first = (after.mean - mean) / variance
  return { first, second: (after.variance - variance) / variance ** 2 + first ** 2 }
}

/** By moment matching of the logit offset + affinity. */
export function updateOf(offset: number, { mean, variance }: Affinity, clicked: boolean): Update {
  const { first, second } = slopes(offset + mean, variance, clicked)
  return { step: first, shrink: first ** 2 - second }
}

/** Variances of what the unknown part of an item's factors adds to the logit: ÷ the strength of the interests, and their means. */
interface UnknownPart {
  readonly perStrength: number
  readonly variance: number
}

/**
 * The same where an item is any of its category: `usual` ones lie around the category's mean factors, but as likely as `strayShare`
 * an item is a stray, of which the category tells nothing. The unknown part's variance grows with the strength of the
 * interests, of which an outcome tells something too: `bend` is its factor of P S P. Terms that the two have in common are left out.
 */
export function mixedUpdate(
  offset: number,
  affinity: Affinity,
  { usual, stray }: { readonly usual: UnknownPart; readonly stray: UnknownPart },
  strayShare: number,
  clicked: boolean,
): Update & { readonly bend: number } {
  const chance = (mean: number, variance: number) => {
    const click = expectedSigmoid(mean, variance)
    return clicked ? click : 1 - click
  }
  const [mean, variance] = [offset + affinity.mean, affinity.variance + usual.variance]
  const both = [(1 - strayShare) * chance(mean, variance), strayShare * chance(offset, stray.variance)]
  const share = both[0] / (both[0] + both[1])
  const own = slopes(mean, variance, clicked)
  const other = slopes(offset, stray.variance, clicked)
  return {
    step: share * own.first,
    shrink: (share * own.first) ** 2 - share * own.second,
    bend: share * usual.perStrength * own.second + (1 - share) * stray.perStrength * other.second,
  }
}
