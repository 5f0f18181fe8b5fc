/** What is reachable on a synthetic log: the filtered optimum, by what a prediction may know of the user. */
import { referencePredictions } from '../../reference-world/reference-predictions.ts'
import { testDay } from '../log/lab-log.ts'
import type { LabSettings } from '../log/settings.ts'
import { type Arm, floatColumns } from './arm.ts'

/** Columns `truth` and one of each knowledge hold probabilities of the first task of every row of the test window. */
export function optimumArm({ testShare }: LabSettings): Arm {
  return {
    name: 'optimum',
    title: 'filtered optimum',
    seed: 0,
    settings: { kind: 'optimum', testShare },
    upstream: null,
    run: async ({ lab, stages, signal }) => {
      stages.begin('filtered optimum', 0)
      const { world } = lab
      if (world === null) throw new TypeError('only a synthetic log has an optimum')
      const options = { fromDay: testDay(world, testShare), ...(signal && { signal }) }
      const { truth, predictions } = referencePredictions(world, options)
      stages.end()
      return { columns: floatColumns({ truth, ...predictions }), figures: {} }
    },
  }
}
