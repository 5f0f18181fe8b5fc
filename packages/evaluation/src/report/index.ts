export { renderReport } from './report.ts'
export {
  type Arm,
  arms,
  type Bounds,
  type DriftRound,
  type EarlierEventsBucket,
  type Interval,
  type MainJobResult,
  type ProgressiveTenth,
  type SeedFigures,
} from './result.ts'
export { renderTable } from './terminal-table.ts'
