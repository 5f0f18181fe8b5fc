/** The experiments by name, in the order in which they are run. */
import { ablation } from './definitions/ablation.ts'
import { alternatives } from './definitions/alternatives.ts'
import { drift } from './definitions/drift.ts'
import { freshness } from './definitions/freshness.ts'
import { gain } from './definitions/gain.ts'
import { logSize } from './definitions/log-size.ts'
import { power } from './definitions/power.ts'
import { serving } from './definitions/serving.ts'
import { sharing } from './definitions/sharing.ts'
import type { Experiment } from './experiment.ts'
import { ExperimentError } from './lab/lab-error.ts'

export const experiments: readonly Experiment[] = [
  gain,
  alternatives,
  serving,
  freshness,
  drift,
  sharing,
  ablation,
  logSize,
  power,
]

/** @throws ExperimentError where one does not exist */
export function experimentsNamed(names: readonly string[]): Experiment[] {
  return names.map((name) => {
    const found = experiments.find((experiment) => experiment.name === name)
    if (found !== undefined) return found
    const known = experiments.map((experiment) => experiment.name).join(', ')
    throw new ExperimentError(`experiment "${name}"`, 'does not exist', `there are ${known}`)
  })
}
