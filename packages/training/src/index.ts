export { CheckpointError } from './checkpoint/checkpoint-error.ts'
export { CheckpointFile, type CheckpointSettings, type RunState } from './checkpoint/checkpoint-file.ts'
export { Checkpoints, type CheckpointsOptions } from './checkpoint/checkpoints.ts'
export {
  describeModel,
  type LimitsDescription,
  type ModelDescription,
  type PlanDescription,
  type Sized,
} from './description/model-description.ts'
export { DistillationError } from './distillation/distillation-error.ts'
export { ExampleFeed } from './examples/example-feed.ts'
export { PanelSampler } from './examples/panel-sampler.ts'
export { LayoutError } from './examples/project-batch.ts'
export { allocateExamples, type TrainingBatch } from './examples/training-batch.ts'
export { TrainingMemoryError } from './memory/training-memory.ts'
export {
  defaultGate,
  defaultPublication,
  type GateOptions,
  type PublicationOptions,
} from './options/publication-options.ts'
export { defaultTraining, type Progress, type RoundSummary, type TrainingOptions } from './options/training-options.ts'
export {
  type ConfigChange,
  compareSnapshots,
  type SnapshotComparison,
  type TensorChange,
} from './publication/compare-snapshots.ts'
export { DivergedError } from './publication/forward-figures.ts'
export { panelFigures } from './publication/panel-figures.ts'
export { ProcrustesError } from './publication/procrustes.ts'
export type { Publication } from './publication/publish.ts'
export { type ExternalCandidate, type ExternalPublication, publishExternal } from './publication/publish-external.ts'
export { Scorer } from './publication/scorer.ts'
export { BadStepsError } from './rounds/bad-steps.ts'
export { RecurringTraining } from './rounds/recurring-training.ts'
export { type RoundEvents, roundsByTime, type TimedLog } from './rounds/rounds.ts'
export { stepLog } from './rounds/step-log.ts'
export { type RoundReport, type RunReporter, type TrainingRunOptions, trainInRounds } from './rounds/training-run.ts'
export { initialize } from './step/initialize.ts'
export { type Rates, recordAdamw, writeRates } from './step/optimizer-step.ts'
export { constantSchedule, type Schedule } from './step/schedule.ts'
export { TrainStep } from './step/train-step.ts'
export { TrainingOptionsError } from './step/training-options-error.ts'
export { readWarmStart } from './warm-start/read-warm-start.ts'
export { WarmStartError } from './warm-start/warm-start-error.ts'
