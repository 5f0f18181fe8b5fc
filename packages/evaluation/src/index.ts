export { experiments, experimentsNamed } from './experiments/experiments.ts'
export { importedExperiment } from './experiments/imported.ts'
export { drift } from './geometry/drift.ts'
export type { Experiment } from './lab/experiment.ts'
export { ExperimentError } from './lab/log/experiment-error.ts'
export { type LabLog, type LabSource, openLabLog } from './lab/log/open-lab-log.ts'
export type { Window } from './lab/log/window.ts'
export type { Stages } from './progress/stages.ts'
export { ServedLogError, type ServedRow, type ServedVector, servedRows } from './replay/served-log.ts'
export { renderEvaluationHtml } from './report/evaluation/html-report.ts'
export { renderEvaluationMarkdown, renderEvaluationText } from './report/evaluation/markdown-report.ts'
export type { Bounds, EvaluationResult, ExperimentResult, Interval } from './report/findings.ts'
export { renderReport } from './report/main-job/report.ts'
export {
  type Arm,
  arms,
  type EarlierEventsBucket,
  type MainJobResult,
  type ProgressiveTenth,
  type SeedFigures,
} from './report/main-job/result.ts'
export { renderTable } from './report/main-job/terminal-table.ts'
export type { Estimate } from './run/estimate.ts'
export { checkExperiments, type RunOptions, runExperiments } from './run/run-experiments.ts'
export { type MainJobOptions, runMainJob } from './run/run-main-job.ts'
