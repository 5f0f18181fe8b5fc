export {
  type BootstrapInterval,
  type BootstrapOptions,
  clusterBootstrap,
  normalizedEntropyBootstrap,
  pairedClusterBootstrap,
} from './intervals/cluster-bootstrap.ts'
export { type SeedSummary, seedSummary } from './intervals/seed-summary.ts'
export { SeededRandom, seededRandom } from './random/random.ts'
export { baseRate, type Numbers } from './sample/binary-data.ts'
export { interpolatedPercentiles, nearestRankPercentiles } from './sample/percentiles.ts'
export { StatisticsError } from './sample/statistics-error.ts'
export { type MeanAndSd, mean, meanAndSd } from './sample/summary.ts'
export { auc } from './scores/auc.ts'
export { calibration, expectedCalibrationError, type ReliabilityBin, reliabilityBins } from './scores/calibration.ts'
export { type GroupedAuc, groupedAuc } from './scores/grouped-auc.ts'
export {
  logLosses,
  logLossesOfLogits,
  logLossOfLogit,
  logLossOfProbability,
  PROBABILITY_CLAMP,
} from './scores/log-loss.ts'
export {
  binaryEntropy,
  normalizedEntropy,
  normalizedEntropyOfLosses,
  relativeInformationGain,
} from './scores/normalized-entropy.ts'
export { ProgressiveScore } from './scores/progressive-score.ts'
export {
  normalCdf,
  normalQuantile,
  normalTwoSided,
  studentReach,
  studentTwoSided,
} from './significance/distributions.ts'
export { holmAdjust } from './significance/holm.ts'
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
} from './significance/two-sample-test.ts'
