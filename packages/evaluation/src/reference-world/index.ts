export {
  type Knowledge,
  knowledge,
  referencePredictions,
} from './reference-predictions.ts'
export {
  crossEntropies,
  crossEntropiesOfLogits,
  NoGapError,
  scoreReference,
  shareClosed,
} from './reference-scores.ts'
