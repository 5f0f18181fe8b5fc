import type { Aggregation, Field, Schema, Task } from './schema.ts'
import type { SchemaChecker } from './schema-checker.ts'

/** Checks that what a schema's parts say of each other holds: names exist and have the right owner and type. */
export function checkReferences(check: SchemaChecker, schema: Schema): void {
  const fields = new Map(schema.fields.map((field) => [field.name, field]))
  const outcomes = schema.fields.filter((field) => field.of === 'outcome' && field.type === 'float')
  const remedy = `use a float outcome (${outcomes.map(({ name }) => name).join(', ') || 'the schema has none'})`

  function outcome(name: string, path: string): void {
    const field = fields.get(name)
    if (field === undefined) check.fail(path, `no field is named "${name}"`, remedy)
    if (field.of !== 'outcome') check.fail(path, `"${name}" describes the ${field.of}`, remedy)
    if (field.type !== 'float') check.fail(path, `"${name}" is of type ${field.type}`, remedy)
  }

  /** An input is made when the event is ingested, so its outcome must be known then. */
  function outcomeAtOnce(name: string, path: string): void {
    outcome(name, path)
    const task = slowestTask(schema, name)
    if (task === undefined) return
    const reason = `"${name}" is known only ${task.delayDays} days after the event, as task "${task.name}" says`
    check.fail(path, reason, 'use an outcome that is known at once, or drop the task\'s "delayDays"')
  }

  schema.tasks.forEach((task, i) => {
    outcome(task.field, `tasks[${i}].field`)
    if (task.weightBy !== undefined) checkWeightBy(check, schema, fields, task, `tasks[${i}].weightBy`)
  })
  schema.aggregations.forEach((aggregation, i) => {
    const path = `aggregations[${i}]`
    if (aggregation.value !== undefined) outcomeAtOnce(aggregation.value, `${path}.value`)
    if (aggregation.by !== undefined) checkBy(check, fields, aggregation.by, `${path}.by`)
    if (aggregation.kind === 'residual' && residualBaseline(schema, aggregation) === undefined) {
      const { value, atLeast } = aggregation
      check.fail(
        `${path}.value`,
        `no item mean of "${value}"${atLeast === undefined ? '' : ` at least ${atLeast}`} to take the residual from`,
        `add an aggregation ${JSON.stringify({ of: 'item', kind: 'mean', value, atLeast })}`,
      )
    }
    if (aggregation.kind === 'effect') checkEffect(check, schema, aggregation, path)
  })
  if (schema.negatives !== undefined) checkNegatives(check, schema, fields)
  if (schema.sequence === undefined) return
  outcomeAtOnce(schema.sequence.value, 'sequence.value')
  if (schema.sequence.residual && residualBaseline(schema, schema.sequence) === undefined) {
    const { value } = schema.sequence
    check.fail(
      'sequence.residual',
      `there is no item mean of "${value}" to take a residual from`,
      `add an aggregation ${JSON.stringify({ of: 'item', kind: 'mean', value })}`,
    )
  }
  schema.sequence.categories?.forEach((name, i) => {
    checkCategory(check, fields.get(name), name, `sequence.categories[${i}]`)
  })
}

/** The delayed task over a field whose label is known last. */
function slowestTask(schema: Schema, field: string): Task | undefined {
  const delayed = schema.tasks.filter((task) => task.field === field && task.delayDays !== undefined)
  return delayed.sort((a, b) => (b.delayDays ?? 0) - (a.delayDays ?? 0))[0]
}

/** The outcome is made, so that the log must not have it, and no statistic can be of it: it is 1 in every event. */
function checkNegatives(check: SchemaChecker, schema: Schema, fields: ReadonlyMap<string, Field>): void {
  const { outcome: name } = schema.negatives!
  const [task] = schema.tasks
  const field = fields.get(name)
  const path = 'negatives.outcome'
  if (field?.of !== 'outcome' || field.type !== 'float')
    check.fail(
      path,
      `"${name}" is no float outcome`,
      `add a field ${JSON.stringify({ name, of: 'outcome', type: 'float' })}`,
    )
  if (field.column !== undefined)
    check.fail(path, `"${name}" is read from column "${field.column}"`, 'drop "negatives": the log has an outcome')
  if (task.field !== name) {
    const remedy = `let it read "${name}", or drop "negatives": the log has an outcome`
    check.fail('tasks[0].field', `the first task reads "${task.field}", not what "negatives" makes`, remedy)
  }
  if (task.atLeast !== 1) check.fail('tasks[0].atLeast', `is ${task.atLeast}, of 0 and 1`, 'use 1')
  if (task.delayDays !== undefined) check.fail('tasks[0].delayDays', 'what was taken is known at once', 'remove it')
  const user = schema.aggregations.findIndex(({ value }) => value === name)
  if (user < 0) return
  const remedy = 'count events instead, by "count", "share" or a "sum" without "value"'
  check.fail(
    `aggregations[${user}].value`,
    `"${name}" is 1 in every event: items that are drawn change no state`,
    remedy,
  )
}

function checkWeightBy(
  check: SchemaChecker,
  schema: Schema,
  fields: ReadonlyMap<string, Field>,
  { weightBy: name = '', delayDays = 0 }: Task,
  path: string,
): void {
  const remedy = 'use a float field of outcome or context'
  const field = fields.get(name)
  if (field === undefined) check.fail(path, `no field is named "${name}"`, remedy)
  if (field.of !== 'outcome' && field.of !== 'context') check.fail(path, `"${name}" describes the ${field.of}`, remedy)
  if (field.type !== 'float') check.fail(path, `"${name}" is of type ${field.type}`, remedy)
  const slowest = slowestTask(schema, name)
  if (slowest === undefined || (slowest.delayDays ?? 0) <= delayDays) return
  check.fail(
    path,
    `"${name}" is known only ${slowest.delayDays} days after the event, as task "${slowest.name}" says, and this task's label ${delayDays > 0 ? `after ${delayDays}` : 'at once'}`,
    `use a field that is known with the label, or set "delayDays" to ${slowest.delayDays}`,
  )
}

function checkCategory(check: SchemaChecker, field: Field | undefined, name: string, path: string): void {
  const remedy = 'use an "id" field of item, context or outcome'
  if (field === undefined) check.fail(path, `no field is named "${name}"`, remedy)
  if (field.of === 'user') check.fail(path, `"${name}" describes the user, not an event`, remedy)
  if (field.type !== 'id') check.fail(path, `"${name}" is of type ${field.type}`, remedy)
}

/** The item mean that a residual is taken from: the schema's first one of the same value and threshold. */
export function residualBaseline(
  schema: Schema,
  residual: Pick<Aggregation, 'value' | 'atLeast'>,
): Aggregation | undefined {
  const { value, atLeast } = residual
  return schema.aggregations.find(
    (a) => a.of === 'item' && a.kind === 'mean' && a.value === value && a.atLeast === atLeast,
  )
}

/** Effects of one outcome: one of the item, from which the others' level comes, and any of the user. */
function checkEffect(check: SchemaChecker, schema: Schema, effect: Aggregation, path: string): void {
  const { value, atLeast } = effect
  const [first, second] = schema.aggregations.filter((own) => own.of === 'item' && isEffectOf(own, effect))
  const outcome = `"${value}"${atLeast === undefined ? '' : ` at least ${atLeast}`}`
  if (first === undefined) {
    const wanted = JSON.stringify({ of: 'item', kind: 'effect', value, atLeast })
    check.fail(`${path}.value`, `no item effect of ${outcome} for it to add up with`, `add an aggregation ${wanted}`)
  }
  if (second === effect) check.fail(path, `"${first.name}" is an effect of items on ${outcome} already`, 'keep one')
}

/** Whether an aggregation is an effect on the same outcome as another one. */
export function isEffectOf({ kind, value, atLeast }: Aggregation, other: Aggregation): boolean {
  return kind === 'effect' && value === other.value && atLeast === other.atLeast
}

function checkBy(check: SchemaChecker, fields: ReadonlyMap<string, Field>, name: string, path: string): void {
  const remedy = 'use a field of the item: "ids" with "values", or a "vector"'
  const field = fields.get(name)
  if (field === undefined) check.fail(path, `no field is named "${name}"`, remedy)
  if (field.of !== 'item') check.fail(path, `"${name}" describes the ${field.of}`, remedy)
  if (field.type !== 'ids' && field.type !== 'vector') check.fail(path, `"${name}" is of type ${field.type}`, remedy)
  if (field.type === 'ids' && field.values === undefined) check.fail(path, `"${name}" lists no "values"`, remedy)
}
