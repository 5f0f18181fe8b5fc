/** What is reachable on a synthetic log: the filtered optimum, by what a prediction may know of the user. */
import { referencePredictions } from '../../reference-world/reference-predictions.ts'
import { type LabLog, testDay } from '../log/lab-log.ts'
import { type Arm, floatColumns } from './arm.ts'

/**
 * None on a log whose truth is not known. Columns `truth` and one of each knowledge hold probabilities of the first task of
 * every row of the test window.
 */
export function optimumArms({ world, settings: { testShare } }: LabLog): Arm[] {
  if (world === null) return []
  const arm: Arm = {
    name: 'optimum',
    title: 'filtered optimum',
    seed: 0,
    settings: { kind: 'optimum', testShare },
    upstream: null,
    run: async ({ stages, signal }) => {
      stages.begin('filtered optimum', 0)
      const options = { fromDay: testDay(world, testShare), ...(signal && { signal }) }
      const { truth, predictions } = referencePredictions(world, options)
      stages.end()
      return { columns: floatColumns({ truth, ...predictions }), figures: {} }
    },
  }
  return [arm]
}
