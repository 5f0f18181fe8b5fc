export {
  type Knowledge,
  knowledge,
  type ReferencePredictions,
  referencePredictions,
} from './reference-predictions.ts'
export {
  crossEntropies,
  crossEntropiesOfLogits,
  type GapLosses,
  NoGapError,
  type ReferenceScore,
  type ReferenceScores,
  scoreReference,
  shareClosed,
} from './reference-scores.ts'
