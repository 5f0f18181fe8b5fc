export type { Bottleneck } from './bottleneck.ts'
export { formatRate, type StressResult, type StressSettings, type StressStep, stepsByRate } from './result.ts'
export { runStress, type StressRun, type StressStages } from './run-stress.ts'
