/** What an upstream is taught where it is not the schema's tasks on all rows: labels of some rows, each set a task. */
import { compileFeatures, type FeatureSpace, happened, type LogEvent, type Schema } from '@headwater/features'
import { type RowChoice, rowSelector } from '../../downstream/family.ts'

export interface LabelSet {
  /** Index of the schema's task. */
  readonly task: number
  /** A row is labelled where it is in any of them. */
  readonly rows: readonly RowChoice[]
}

export interface Relabelled {
  /** The same features, with a task a set. */
  readonly space: FeatureSpace
  /** The event with its labels behind its values, null in sets that it is not in. */
  relabel(event: LogEvent): LogEvent
  /** Whether a relabelled event is in any set. */
  isExample(event: LogEvent): boolean
}

export function relabelled(space: FeatureSpace, sets: readonly LabelSet[]): Relabelled {
  const { schema } = space
  const names = sets.map(({ task }, i) => `label-${i + 1}-${schema.tasks[task].name}`)
  const { negatives, ...own } = schema
  const taught: Schema = {
    ...own,
    fields: [...schema.fields, ...names.map((name) => ({ name, of: 'outcome', type: 'float' }) as const)],
    tasks: sets.map(({ task }, i) => ({ ...schema.tasks[task], name: names[i], field: names[i], atLeast: 1 })),
  }
  const choices = sets.map(({ task, rows }) => rows.map((own) => rowSelector(space, { task, rows: own })))
  const labels = new Uint8Array(space.tasks.length)
  const weights = new Float32Array(space.tasks.length)
  const first = schema.fields.length
  const made = schema.fields.findIndex(({ name }) => name === negatives?.outcome)
  return {
    space: compileFeatures(taught),
    relabel: (event) => {
      space.labels(event, labels, weights)
      const own = choices.map((selectors, i) =>
        selectors.some((selects) => selects(event, labels, weights)) ? labels[sets[i].task] : null,
      )
      // What is not told from a negative was taken all the same, as features know it.
      const values = made < 0 || !happened(event) ? event.values : event.values.with(made, 1)
      return { ...event, values: [...values, ...own] }
    },
    isExample: ({ values }) => values.slice(first).some((label) => label !== null),
  }
}
