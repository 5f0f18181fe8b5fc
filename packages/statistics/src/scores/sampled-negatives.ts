import { type Numbers, requireFinite, requireSameLength } from '../sample/binary-data.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { logLossesOfLogits } from './log-loss.ts'
import { binaryEntropy } from './normalized-entropy.ts'

/**
 * Logits over all pairs of a choice and what could have been chosen, of a model that was trained on the chosen ones and a
 * sample of the others: z + log π, where π is how often the row's pair was to be sampled. Where all pairs have one rate w
 * that is p ÷ (p + (1 − p) ÷ w), He et al. 2014 ("Practical Lessons from Predicting Clicks on Ads at Facebook", 6.3); where
 * rates differ by item it is the correction by log Q of Yi et al. 2019 ("Sampling-Bias-Corrected Neural Modeling").
 * @param expected π of each row [R], above 0 @returns [R]
 * @throws StatisticsError on unequal lengths or a rate that is not above 0
 */
export function unsampledLogits(logits: Numbers, expected: Numbers): Float64Array {
  requireSameLength('logits', logits, 'expected', expected)
  return Float64Array.from({ length: logits.length }, (_, row) => {
    requireFinite('expected', expected[row], row)
    if (!(expected[row] > 0))
      throw new StatisticsError(`expected[${row}] is ${expected[row]}: what was sampled has a rate above 0`)
    return logits[row] + Math.log(expected[row])
  })
}

/**
 * Log losses [R] in nats whose sum is, on average over samples, that over all pairs: of the logits by `unsampledLogits`, a sampled
 * row standing for 1 ÷ π pairs (Horvitz and Thompson 1952).
 * @param labels 1 of what was chosen, 0 of what was sampled @throws StatisticsError as `unsampledLogits` and `logLossesOfLogits`
 */
export function unsampledLosses(logits: Numbers, labels: Numbers, expected: Numbers): Float64Array {
  const losses = logLossesOfLogits(unsampledLogits(logits, expected), labels)
  return losses.map((loss, row) => (labels[row] === 1 ? loss : loss / expected[row]))
}

/** Entropy of all pairs, in nats: that of knowing of a choice but how many things there were. */
export function pairEntropy(choices: number, pairs: number): number {
  return pairs * binaryEntropy(choices / pairs)
}
