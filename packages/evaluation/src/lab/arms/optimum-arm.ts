/** What is reachable on a synthetic log: the filtered optimum, by what a prediction may know of the user. */
import { hiddenPredictions } from '../../reference-world/hidden/hidden-predictions.ts'
import { referencePredictions } from '../../reference-world/reference-predictions.ts'
import { type LabLog, testDay } from '../log/lab-log.ts'
import { type Arm, armOf, floatColumns } from './arm.ts'

/**
 * None on a log whose truth is not known. Columns `truth` and one of each knowledge hold probabilities of the first task of
 * every row of the test window.
 */
export function optimumArms({ world, settings: { testShare } }: LabLog): Arm[] {
  if (world === null) return []
  const plan = { name: 'optimum', title: 'filtered optimum', testShare }
  return [
    armOf('optimum', plan, async ({ stages, signal }) => {
      stages.begin(plan.title, 0)
      const options = { fromDay: testDay(world, testShare), ...(signal && { signal }) }
      const { truth, predictions } =
        'kind' in world ? hiddenPredictions(world, options) : referencePredictions(world, options)
      stages.end()
      return { columns: floatColumns({ truth, ...predictions }), figures: {} }
    }),
  ]
}
