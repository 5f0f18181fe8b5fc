export {
  type BootstrapInterval,
  type BootstrapOptions,
  type Clusters,
  clusterBootstrap,
  normalizedEntropyBootstrap,
  pairedClusterBootstrap,
} from './intervals/cluster-bootstrap.ts'
export { type SeedSummary, seedSummary } from './intervals/seed-summary.ts'
export { SeededRandom, seededRandom } from './random/random.ts'
export { type FitReport, LogisticRegression } from './regression/logistic-regression.ts'
export { baseRate, type Numbers } from './sample/binary-data.ts'
export { interpolatedPercentiles, nearestRankPercentiles } from './sample/percentiles.ts'
export { StatisticsError } from './sample/statistics-error.ts'
export { mean, meanAndSd } from './sample/summary.ts'
export { auc } from './scores/auc.ts'
export { calibration, expectedCalibrationError } from './scores/calibration.ts'
export { groupedAuc } from './scores/grouped-auc.ts'
export {
  logLosses,
  logLossesOfLogits,
  logLossOfProbability,
} from './scores/log-loss.ts'
export {
  binaryEntropy,
  normalizedEntropy,
  normalizedEntropyOfLosses,
} from './scores/normalized-entropy.ts'
export { ProgressiveScore } from './scores/progressive-score.ts'
export { pairEntropy, unsampledLogits, unsampledLosses } from './scores/sampled-negatives.ts'
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
  minimumDetectableEffect,
  type TestPlan,
  type TwoSampleTest,
  usersNeeded,
  welchTest,
} from './significance/two-sample-test.ts'
export { effectiveRank } from './vectors/effective-rank.ts'
export { meanVector, type VectorChange, type Vectors, vectorChange } from './vectors/vector-change.ts'
