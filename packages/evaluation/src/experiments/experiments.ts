/** The experiments by name, in the order in which they are run. */
import type { Experiment } from '../lab/experiment.ts'
import { ExperimentError } from '../lab/log/experiment-error.ts'
import { ablation } from './ablation.ts'
import { alternatives } from './alternatives.ts'
import { drift } from './drift.ts'
import { freshness } from './freshness.ts'
import { gain } from './gain.ts'
import { itemVectors } from './item-vectors.ts'
import { logSize } from './log-size.ts'
import { mainJob } from './main-job/main-job.ts'
import { power } from './power.ts'
import { serving } from './serving.ts'
import { sharing } from './sharing/sharing.ts'

export const experiments: readonly Experiment[] = [
  mainJob,
  gain,
  alternatives,
  serving,
  freshness,
  drift,
  itemVectors,
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
