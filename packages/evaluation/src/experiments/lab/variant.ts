/** An upstream that differs from the lab's in its tower or in what it is given. */
import { compileFeatures, type Schema } from '@headwater/features'
import type { ModelConfig } from '@headwater/runtime'
import type { LabLog } from './lab-log.ts'

export interface Variant {
  readonly config: ModelConfig
  /** Names of aggregations of the user that it is not given. */
  readonly withoutAggregations: readonly string[]
  /** Whether it is trained on the first task alone. */
  readonly singleTask: boolean
}

/** The lab as a variant's upstream has it; null: as it is. Its test window and downstream models are the same. */
export function labOf(lab: LabLog, variant: Variant | null): LabLog {
  if (variant === null) return lab
  const { schema } = lab.log
  const dropped = new Set(variant.withoutAggregations)
  const own: Schema = {
    ...schema,
    aggregations: schema.aggregations.filter(({ name }) => !dropped.has(name)),
    tasks: variant.singleTask ? schema.tasks.slice(0, 1) : schema.tasks,
  }
  const space = compileFeatures(own)
  return { ...lab, space, settings: { ...lab.settings, config: variant.config } }
}
