/** An experiment as it is declared before it is run. */
import type { ModelName } from '../downstream/family.ts'
import type { Findings } from '../report/findings.ts'
import type { Outcomes } from './analysis/outcomes.ts'
import type { Arm } from './arms/arm.ts'
import type { LabLog } from './log/lab-log.ts'

export interface Experiment {
  readonly name: string
  readonly question: string
  /** What is measured, in words. */
  readonly measure: string
  /** What will count as yes and what as no, written before the run. */
  readonly rule: string
  /** Downstream models whose rows the log must have. */
  models(lab: LabLog): readonly ModelName[]
  /** Says before any training why the log cannot have the experiment. @throws ExperimentError */
  check?(lab: LabLog): void
  /** Arms of a seed, in the order of the report. */
  arms(lab: LabLog, seed: number): readonly Arm[]
  conclude(outcomes: Outcomes): Findings
}
