export { auc } from './auc.ts'
export { baseRate, type Numbers } from './binary-data.ts'
export { calibration, expectedCalibrationError, type ReliabilityBin, reliabilityBins } from './calibration.ts'
export {
  type BootstrapInterval,
  type BootstrapOptions,
  clusterBootstrap,
  normalizedEntropyBootstrap,
  pairedClusterBootstrap,
} from './cluster-bootstrap.ts'
export { normalCdf, normalQuantile, normalTwoSided, studentReach, studentTwoSided } from './distributions.ts'
export { type GroupedAuc, groupedAuc } from './grouped-auc.ts'
export { holmAdjust } from './holm.ts'
export {
  logLosses,
  logLossesOfLogits,
  logLossOfLogit,
  logLossOfProbability,
  PROBABILITY_CLAMP,
} from './log-loss.ts'
export {
  binaryEntropy,
  normalizedEntropy,
  normalizedEntropyOfLosses,
  relativeInformationGain,
} from './normalized-entropy.ts'
export { interpolatedPercentiles, nearestRankPercentiles } from './percentiles.ts'
export { ProgressiveScore } from './progressive-score.ts'
export { SeededRandom, seededRandom } from './random.ts'
export { type SeedSummary, seedSummary } from './seed-summary.ts'
export { StatisticsError } from './statistics-error.ts'
export { type MeanAndSd, mean, meanAndSd } from './summary.ts'
export {
  cupedTest,
  cupedWeight,
  detectableStandardErrors,
  minimumDetectableEffect,
  ratioTest,
  type TestPlan,
  type TwoSampleTest,
  usersNeeded,
  type WithCovariate,
  welchTest,
} from './two-sample-test.ts'
