/**
 * What may change in a schema from one snapshot of a model to the next. Weights, states and downstream models rely on the
 * features that are there, so these stay as they are and in their order; a feature that rows may lack can be added.
 */
import { type Schema, schemaDefaults } from '@headwater/features'

/** One difference between two schemas. */
export interface SchemaChange {
  /** As in `field "age"`. */
  readonly feature: string
  readonly what: string
  readonly allowed: boolean
}

/** A schema differs from its predecessor in a way that the model cannot follow. */
export class SchemaChangeError extends Error {
  override readonly name = 'SchemaChangeError'
  readonly feature: string

  constructor({ feature, what }: SchemaChange) {
    super(
      `Schema change, ${feature}: ${what}. Features of a model stay as they are, new optional ones may be added; undo the change, or start a new model in a directory of its own.`,
    )
    this.feature = feature
  }
}

type Named = { readonly name: string }

/** Where log columns lie and how lists are written may change; what they mean may not. Absent values count as their defaults. */
const fieldMeaning = ({ column: _, separator: __, ...meaning }: Schema['fields'][number]) => ({
  maxValues: meaning.type === 'ids' ? schemaDefaults.maxValues : undefined,
  buckets: meaning.type === 'id' || meaning.type === 'ids' ? schemaDefaults.buckets : undefined,
  center: 0,
  scale: 1,
  ...meaning,
})
/** Weights and delay are about how a task is trained, not about what is predicted. */
const taskMeaning = ({ weight: _, weightBy: __, delayDays: ___, ...meaning }: Schema['tasks'][number]) => meaning
const aggregationMeaning = (aggregation: Schema['aggregations'][number]) => ({
  shrinkage: schemaDefaults.shrinkage,
  prior: 0,
  ...aggregation,
})
const sequenceMeaning = ({ categories: _, calendar: __, ...meaning }: NonNullable<Schema['sequence']>) => ({
  center: 0,
  scale: 1,
  halfLivesDays: [],
  ...meaning,
})
const named = (names: readonly string[] = []) => names.map((name) => ({ name }))

const describe = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value))

/** Names of properties that differ, with both values. */
function differences(before: object, after: object): string {
  const [a, b] = [before, after] as Record<string, unknown>[]
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((key) => describe(a[key]) !== describe(b[key]))
    .map((key) => `${key} was ${describe(a[key])} and is ${describe(b[key])}`)
    .join(', ')
}

function listChanges<Item extends Named>(
  kind: string,
  before: readonly Item[],
  after: readonly Item[],
  meaning: (item: Item) => object,
  mayAdd: boolean,
): SchemaChange[] {
  const changes: SchemaChange[] = []
  for (const old of before) {
    const feature = `${kind} "${old.name}"`
    const now = after.find(({ name }) => name === old.name)
    const what = now ? differences(meaning(old), meaning(now)) : 'was removed'
    if (what !== '') changes.push({ feature, what, allowed: false })
  }
  const kept = after.filter(({ name }) => before.some((old) => old.name === name))
  const oldOrder = before.filter(({ name }) => after.some((now) => now.name === name))
  const moved = kept.find(({ name }, i) => oldOrder[i].name !== name)
  if (moved) changes.push({ feature: `${kind} "${moved.name}"`, what: 'changed its place', allowed: false })
  for (const { name } of after)
    if (!before.some((old) => old.name === name))
      changes.push({ feature: `${kind} "${name}"`, what: 'was added', allowed: mayAdd })
  return changes
}

/** Features that are names alone. */
const namesChanged = (kind: string, before: readonly string[] | undefined, after: readonly string[] | undefined) =>
  listChanges(kind, named(before), named(after), () => ({}), true)

/** Every difference that reaches features or labels, in the order of the schema; both schemas are valid ones. */
export function schemaChanges(before: Schema, after: Schema): SchemaChange[] {
  const changes = [
    ...listChanges('field', before.fields, after.fields, fieldMeaning, true),
    ...listChanges('task', before.tasks, after.tasks, taskMeaning, false),
    ...listChanges('aggregation', before.aggregations, after.aggregations, aggregationMeaning, true),
    ...namesChanged('calendar', before.calendar, after.calendar),
    ...namesChanged('user calendar', before.userCalendar, after.userCalendar),
  ]
  if (before.sequence || after.sequence) {
    const what = !before.sequence
      ? 'was added'
      : !after.sequence
        ? 'was removed'
        : differences(sequenceMeaning(before.sequence), sequenceMeaning(after.sequence))
    if (what !== '') changes.push({ feature: 'sequence', what, allowed: !before.sequence })
    if (before.sequence && after.sequence) {
      const [old, now] = [before.sequence, after.sequence]
      changes.push(
        ...namesChanged('sequence category', old.categories, now.categories),
        ...namesChanged('sequence calendar', old.calendar, now.calendar),
      )
    }
  }
  const [oldBuckets, newBuckets] = [before, after].map((schema) => schema.itemBuckets ?? schemaDefaults.itemBuckets)
  if (oldBuckets !== newBuckets)
    changes.push({ feature: 'itemBuckets', what: `was ${oldBuckets} and is ${newBuckets}`, allowed: false })
  return changes
}

/** @returns what was added. @throws SchemaChangeError for the first change that is not allowed. */
export function checkSchemaChange(before: Schema, after: Schema): SchemaChange[] {
  const changes = schemaChanges(before, after)
  const refused = changes.find(({ allowed }) => !allowed)
  if (refused) throw new SchemaChangeError(refused)
  return changes
}
