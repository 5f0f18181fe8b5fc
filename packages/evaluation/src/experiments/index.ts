export type {
  EvaluationResult,
  Experiment,
  ExperimentResult,
} from './experiment.ts'
export { experiments, experimentsNamed } from './experiments.ts'
export type { Estimate } from './lab/estimate.ts'
export { ExperimentError } from './lab/lab-error.ts'
export { type LabLog, type LabSource, openLabLog } from './lab/open-lab-log.ts'
export { renderEvaluationHtml } from './report/html-report.ts'
export { renderEvaluationMarkdown, renderEvaluationText } from './report/markdown-report.ts'
export { checkExperiments, type RunOptions, runExperiments } from './run-experiments.ts'
