/** An upstream that differs from the lab's in its tower or in what it is given. */
import type { Log } from '@headwater/datasets'
import { compileFeatures, murmur3, type Schema, type SequenceFeature } from '@headwater/features'
import type { ModelConfig } from '@headwater/runtime'
import type { Rates } from '@headwater/training'
import { changedLog } from '../log/first-rows.ts'
import type { LabLog } from '../log/lab-log.ts'
import type { LabSettings } from '../log/settings.ts'

export interface Variant {
  readonly config: ModelConfig
  /** Names of aggregations that it is not given. Absent: none. */
  readonly withoutAggregations?: readonly string[]
  /** It is trained on the first task alone. Absent: on all of them. */
  readonly singleTask?: true
  /** Whether the user's own fields are missing in every event. Absent: they are as in the log. */
  readonly withoutUserFields?: true
  /** Of the lab's learning rates. Absent: 1. */
  readonly rateFactor?: number
  /** Of a user's sequence, in place of what the schema says. Absent: as it says. */
  readonly sequence?: Partial<SequenceFeature>
  /**
   * Part of the users, by a hash, from whose rows the tower learns: a smaller part's are a larger one's too. Features know
   * the events of all. Absent: all.
   */
  readonly learntUsers?: number
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
    ...(schema.sequence && variant.sequence && { sequence: { ...schema.sequence, ...variant.sequence } }),
  }
  const space = compileFeatures(own)
  const training = scaled(lab.settings.training, variant.rateFactor ?? 1)
  const log = variant.withoutUserFields ? withoutUserFields(lab.log) : lab.log
  return { ...lab, log, space, settings: { ...lab.settings, config: variant.config, training } }
}

/** Tells whether a user's rows are among those that a variant's tower learns from. */
export function learntBy(variant: Variant | null): (user: string) => boolean {
  const share = variant?.learntUsers ?? 1
  return (user) => share >= 1 || murmur3(user, 0x10a) < share * 2 ** 32
}

function withoutUserFields(log: Log): Log {
  const isUsers = log.schema.fields.map((field) => field.of === 'user')
  return changedLog(log, {
    async *events(range) {
      for await (const chunk of log.events(range))
        yield chunk.map((event) => ({ ...event, values: event.values.map((value, i) => (isUsers[i] ? null : value)) }))
    },
  })
}

function scaled(training: LabSettings['training'], factor: number): LabSettings['training'] {
  const times = (rates: Rates) => ({ ...rates, dense: rates.dense * factor, tables: rates.tables * factor })
  return { ...training, firstRates: times(training.firstRates), roundRates: times(training.roundRates) }
}
