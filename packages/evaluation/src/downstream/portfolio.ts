/** Downstream models that may share one user tower: eight pairs of a shape with a task and rows, the narrow ones first. */
import type { FeatureSpace } from '@headwater/features'
import type { DownstreamSpec, ModelName, RowChoice } from './family.ts'

/** Values of the log's surface field, the rarest first. */
export interface SurfaceValues {
  readonly field: string
  readonly values: readonly string[]
}

/** Markets that users are split into by a hash. */
const markets = 5
const most = { models: 8, surfaces: 3, tasks: 3 }
const shapes = ['mlp', 'two-tower', 'fm'] as const
const shapeTitles = { mlp: 'small MLP', 'two-tower': 'two towers', fm: 'logistic FM' } as const

/**
 * The ranking, sparse and scarce model of the family, which are the broad ones, behind models of a market, of a surface and
 * of other tasks, in this order until there are eight: each of these of the next shape.
 */
export function downstreamPortfolio(
  space: FeatureSpace,
  family: readonly DownstreamSpec[],
  surfaces: SurfaceValues | null,
): readonly DownstreamSpec[] {
  const ofFamily = (name: ModelName) => family.find((spec) => spec.name === name)!
  const { tasks } = space
  let made = 0
  const next = (name: ModelName, task: number, rows: RowChoice, where: string): DownstreamSpec => {
    const shape = shapes[made++ % shapes.length]
    return { name, shape, title: `${shapeTitles[shape]}, ${tasks[task].name} ${where}`, task, rows, unseen: false }
  }
  const market = (place: number) =>
    next(`market-${place + 1}`, 0, { kind: 'market', place, of: markets }, `of market ${place + 1} of ${markets}`)
  const { field, values } = surfaces ?? { field: '', values: [] }
  const narrow = [
    market(0),
    ...values
      .slice(0, most.surfaces)
      .map((value, i) => next(`surface-${i + 1}`, 0, { kind: 'surface', field, value }, `on ${field} ${value}`)),
    ofFamily('scarce'),
    ...tasks
      .map((_, task) => task)
      .slice(2, 2 + most.tasks)
      .map((task) => next(`task-${task + 1}`, task, { kind: 'all' }, 'of all rows')),
    ...Array.from({ length: markets - 1 }, (_, i) => market(i + 1)),
  ]
  return [...narrow.slice(0, most.models - 2), ofFamily('sparse'), ofFamily('ranking')]
}
