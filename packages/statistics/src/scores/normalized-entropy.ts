/**
 * Normalized entropy: mean log loss ÷ entropy of the base rate of the same window (He et al. 2014, "Practical lessons
 * from predicting clicks on ads at Facebook"). 1 is what always predicting the base rate scores; lower is better.
 */
import { baseRate, type Numbers, requireSameLength } from '../sample/binary-data.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { mean } from '../sample/summary.ts'
import { logLosses } from './log-loss.ts'

/** Entropy of a coin with this rate, in nats. @throws StatisticsError unless 0 < rate < 1: a window of one class has none. */
export function binaryEntropy(rate: number): number {
  if (!(rate > 0 && rate < 1)) {
    throw new StatisticsError(
      `base rate ${rate}: normalized entropy needs rows of both classes; widen the window or check the task's threshold`,
    )
  }
  return -rate * Math.log(rate) - (1 - rate) * Math.log1p(-rate)
}

/** NE of rows whose losses are known. @throws StatisticsError on unequal lengths, no rows, or one class only. */
export function normalizedEntropyOfLosses(losses: Numbers, labels: Numbers): number {
  requireSameLength('losses', losses, 'labels', labels)
  const entropy = binaryEntropy(baseRate(labels))
  return mean(losses) / entropy
}

/** NE of predicted probabilities. @throws StatisticsError on unequal lengths, no rows, or one class only. */
export function normalizedEntropy(probabilities: Numbers, labels: Numbers): number {
  return normalizedEntropyOfLosses(logLosses(probabilities, labels), labels)
}
