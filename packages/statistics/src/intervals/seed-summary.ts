import { type Numbers, requireFinite, requireRows, requireSameLength } from '../sample/binary-data.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { meanAndSd } from '../sample/summary.ts'
import { studentReach } from '../significance/distributions.ts'

/** A figure's two sources of chance, apart: which users happened to be in the log, and which seed trained the model. */
export interface SeedSummary {
  readonly mean: number
  /** Standard deviation between seeds, sampling taken out; null of a single seed, which says nothing of it. */
  readonly seedSd: number | null
  /** Standard error of the mean from the sample of users alone. */
  readonly samplingStandardError: number
  /** Of both together; null of a single seed. */
  readonly standardError: number | null
  /** Degrees of freedom of that error, few where seeds are few; infinite where it is of sampling alone. */
  readonly freedom: number
  /** 95 %, by Student's t: of both together, or of sampling alone where there is one seed. */
  readonly low: number
  readonly high: number
}

/**
 * A figure of S seeds as a mean with two levels of variance.
 *
 * Where all seeds were scored on the same rows they share the error of sampling: the spread between them is the seeds'
 * own, and more seeds do not shrink the sampling error. Where each had rows of its own, as a synthetic log has, both
 * spreads are mixed: the seeds' own variance is what is left of the spread when the mean sampling variance is taken
 * out, 0 at least (the method of moments of DerSimonian and Laird 1986). Degrees of freedom are Satterthwaite's (1946),
 * the sampling error taken for known.
 * @param figures [S]
 * @param standardErrors [S], from a bootstrap clustered by user within each seed
 * @throws StatisticsError on no seeds, unequal lengths, or a value that is not finite or, of an error, below 0
 */
export function seedSummary(
  figures: Numbers,
  standardErrors: Numbers,
  { sameRows }: { readonly sameRows: boolean },
): SeedSummary {
  requireRows('figures', figures)
  requireSameLength('standardErrors', standardErrors, 'figures', figures)
  const seeds = figures.length
  let meanSquare = 0
  for (let i = 0; i < seeds; i++) {
    requireFinite('standardErrors', standardErrors[i], i)
    if (standardErrors[i] < 0) throw new StatisticsError(`standardErrors[${i}] is ${standardErrors[i]}: below 0`)
    meanSquare += standardErrors[i] ** 2 / seeds
  }
  const { mean, sd } = meanAndSd(figures)
  const samplingStandardError = Math.sqrt(sameRows ? meanSquare : meanSquare / seeds)
  const seedSd = sd === null || sameRows ? sd : Math.sqrt(Math.max(0, sd ** 2 - meanSquare))
  const standardError = seedSd === null ? null : Math.sqrt(samplingStandardError ** 2 + seedSd ** 2 / seeds)
  // What the spread between the seeds contributes: its own variance, or with rows of their own the whole.
  const spread = (sd ?? 0) ** 2 / seeds
  const whole = (standardError ?? samplingStandardError) ** 2
  const isKnown = seedSd === null || seedSd === 0
  const freedom = isKnown ? Number.POSITIVE_INFINITY : (seeds - 1) * (whole / spread) ** 2
  const reach = studentReach(0.05, freedom) * (standardError ?? samplingStandardError)
  return { mean, seedSd, samplingStandardError, standardError, freedom, low: mean - reach, high: mean + reach }
}
