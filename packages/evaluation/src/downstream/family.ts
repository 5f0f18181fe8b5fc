/** The downstream models that an embedding is tried on: different shapes, tasks and rows. */
import type { FeatureSpace, LogEvent } from '@headwater/features'
import { bucketOf, murmur3, schemaDefaults } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { FactorModel } from './factor-model.ts'
import { RankingModel } from './ranking-model.ts'
import type { DownstreamModel, DownstreamOptions } from './rows.ts'
import { SmallMlp } from './small-mlp.ts'

/** Rows of the log that a model is asked to rank. */
export type RowChoice =
  | { readonly kind: 'all' }
  /** Rows whose first task's label is 1. */
  | { readonly kind: 'clicked' }
  /** All rows of one user in so many, by a hash of the user. */
  | { readonly kind: 'users'; readonly oneIn: number }
  /** All rows of the users of one of `of` markets, by another hash. */
  | { readonly kind: 'market'; readonly place: number; readonly of: number }
  /** Rows whose context field has a value. */
  | { readonly kind: 'surface'; readonly field: string; readonly value: string }

const modelNames = ['ranking', 'sparse', 'scarce', 'surface'] as const
/** Of the family, or of the portfolio that shares one tower (portfolio.ts). */
export type ModelName = (typeof modelNames)[number] | `${'market' | 'surface' | 'task'}-${number}`

export interface DownstreamSpec {
  readonly name: ModelName
  readonly shape: 'dlrm' | 'fm' | 'mlp' | 'two-tower'
  /** In a few words. */
  readonly title: string
  /** Index of the schema's task. */
  readonly task: number
  readonly rows: RowChoice
  /** Whether the upstream must not have seen the model's rows at all. */
  readonly unseen: boolean
}

/** The family for a log of a schema, with the rarest value of its surface field where it has one. */
export function downstreamFamily(
  space: FeatureSpace,
  surface: { readonly field: string; readonly value: string } | null,
): readonly DownstreamSpec[] {
  const { tasks } = space
  const isDelayed = tasks.length > 1 && tasks[1].delayMs > 0
  const second = Math.min(1, tasks.length - 1)
  return [
    {
      name: 'ranking',
      shape: 'dlrm',
      title: `small DLRM, ${tasks[0].name}`,
      task: 0,
      rows: { kind: 'all' },
      unseen: false,
    },
    {
      name: 'sparse',
      shape: 'fm',
      title: `logistic FM on sparse ids, ${tasks[0].name}`,
      task: 0,
      rows: { kind: 'all' },
      unseen: false,
    },
    {
      name: 'scarce',
      shape: 'mlp',
      title: isDelayed
        ? `small MLP, ${tasks[1].name} of ${tasks[0].name}s alone`
        : `small MLP, ${tasks[second].name} of one user in five`,
      task: second,
      rows: isDelayed ? { kind: 'clicked' } : { kind: 'users', oneIn: 5 },
      unseen: false,
    },
    {
      name: 'surface',
      shape: 'two-tower',
      title: surface
        ? `two towers, ${tasks[0].name} on ${surface.field} ${surface.value}, which the upstream never saw`
        : `two towers, ${tasks[tasks.length - 1].name}`,
      task: surface ? 0 : tasks.length - 1,
      rows: surface ? { kind: 'surface', ...surface } : { kind: 'all' },
      unseen: surface !== null,
    },
  ]
}

/** Tells whether a row is one of the model's. Labels are those of the row's tasks. */
export function rowSelector(
  space: FeatureSpace,
  spec: Pick<DownstreamSpec, 'task' | 'rows'>,
): (event: LogEvent, labels: Uint8Array, labelWeights: Float32Array) => boolean {
  const { rows, task } = spec
  const isSurface = rows.kind === 'surface' ? onSurface(space, rows) : null
  const isTheirs = userSelector(rows)
  return (event, labels, labelWeights) => {
    if (labelWeights[task] === 0) return false
    if (rows.kind === 'clicked') return labels[0] === 1
    return isTheirs(event.user) && (isSurface === null || isSurface(event))
  }
}

/** Tells whether any row of a user can be among the chosen. */
export function userSelector(rows: RowChoice): (user: string) => boolean {
  if (rows.kind === 'users') return (user) => murmur3(user, 0x1ab) % rows.oneIn === 0
  if (rows.kind === 'market') return (user) => murmur3(user, 0x5e7) % rows.of === rows.place
  return () => true
}

/** Tells whether a row was on a surface. */
export function onSurface(
  space: FeatureSpace,
  { field, value }: { readonly field: string; readonly value: string },
): (event: LogEvent) => boolean {
  const place = space.schema.fields.findIndex(({ name }) => name === field)
  return ({ values }) => values[place] === value
}

/** Rows of a step of every model. */
export const stepRows = 128

export function createModel(
  device: GpuDevice,
  space: FeatureSpace,
  { shape }: DownstreamSpec,
  own: Omit<DownstreamOptions, 'userBuckets'>,
): DownstreamModel {
  const options = { ...own, userBuckets: space.schema.userBuckets ?? schemaDefaults.userBuckets }
  if (shape === 'dlrm') return new RankingModel(device, space.item, { ...options, rows: stepRows })
  if (shape === 'mlp') return new SmallMlp(space.item, options)
  return new FactorModel(space.item, { ...options, interaction: shape })
}

/** Bucket of a user's id. */
export function userBucket(space: FeatureSpace, user: string): number {
  return bucketOf('user', user, space.schema.userBuckets ?? schemaDefaults.userBuckets)
}
