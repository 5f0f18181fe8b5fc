export { BadStepsError } from './bad-steps.ts'
export { CheckpointError } from './checkpoint/checkpoint-error.ts'
export { CheckpointFile, type CheckpointSettings, type RunState } from './checkpoint/checkpoint-file.ts'
export { Checkpoints, type CheckpointsOptions } from './checkpoint/checkpoints.ts'
export { ExampleFile } from './example-file.ts'
export { ClippingError } from './gradient-clipping.ts'
export { initialize } from './initialize.ts'
export { type Rates, recordAdamw, writeRates } from './optimizer-step.ts'
export {
  type ConfigChange,
  compareSnapshots,
  type SnapshotComparison,
  type TensorChange,
} from './publication/compare-snapshots.ts'
export { DivergedError } from './publication/forward-figures.ts'
export { defaultGate, type GateOptions } from './publication/gate.ts'
export { defaultPublication, type PublicationOptions, PublicationOptionsError } from './publication/options.ts'
export { encodePanel, panelFigures } from './publication/panel-figures.ts'
export { ProcrustesError, procrustes, type Rotation } from './publication/procrustes.ts'
export { LayoutError, projectBatch } from './publication/project-batch.ts'
export type { Publication } from './publication/publish.ts'
export { Scorer } from './publication/scorer.ts'
export {
  defaultTraining,
  type Progress,
  RecurringTraining,
  type RoundSummary,
  type TrainingOptions,
} from './recurring-training.ts'
export { type RoundEvents, roundsByTime, type TimedLog } from './rounds.ts'
export { checkSchedule, constantSchedule, rateFactor, type Schedule, ScheduleError } from './schedule.ts'
export { type TrainingBatch, TrainStep } from './train-step.ts'
export { TrainingMemoryError } from './training-memory.ts'
export { type RoundReport, type RunReporter, type TrainingRunOptions, trainInRounds } from './training-run.ts'
