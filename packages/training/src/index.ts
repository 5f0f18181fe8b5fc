export { ExampleFile } from './example-file.ts'
export { initialize } from './initialize.ts'
export { type Rates, recordAdamw, writeRates } from './optimizer-step.ts'
export {
  defaultTraining,
  type Progress,
  RecurringTraining,
  type RoundSummary,
  type TrainingOptions,
} from './recurring-training.ts'
export { type TrainingBatch, TrainStep } from './train-step.ts'
