import type { Arm } from '../lab/arms/arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { LabLog } from '../lab/log/lab-log.ts'

export interface PlannedExperiment {
  readonly experiment: Experiment
  /** In the order of the seeds. */
  readonly bySeed: readonly (readonly Arm[])[]
}

/** Experiments share arms: one may be in several. */
export function plannedArms(
  experiments: readonly Experiment[],
  lab: LabLog,
  seeds: readonly number[],
): PlannedExperiment[] {
  return experiments.map((experiment) => ({
    experiment,
    bySeed: seeds.map((seed) => experiment.arms(lab, seed)),
  }))
}
