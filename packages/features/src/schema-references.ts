import type { Aggregation, Field, Schema } from './schema.ts'
import type { SchemaChecker } from './schema-checker.ts'

/** Checks that what a schema's parts say of each other holds: names exist and have the right owner and type. */
export function checkReferences(check: SchemaChecker, schema: Schema): void {
  const fields = new Map(schema.fields.map((field) => [field.name, field]))
  const outcomes = schema.fields.filter((field) => field.of === 'outcome').map((field) => field.name)

  function outcome(name: string, path: string): void {
    const field = fields.get(name)
    if (field?.of === 'outcome') return
    const reason = field === undefined ? `no field is named "${name}"` : `"${name}" describes the ${field.of}`
    check.fail(path, reason, `use an outcome field (${outcomes.join(', ') || 'the schema has none'})`)
  }

  schema.tasks.forEach((task, i) => {
    outcome(task.field, `tasks[${i}].field`)
  })
  schema.aggregations.forEach((aggregation, i) => {
    const path = `aggregations[${i}]`
    if (aggregation.value !== undefined) outcome(aggregation.value, `${path}.value`)
    if (aggregation.by !== undefined) checkBy(check, fields, aggregation.by, `${path}.by`)
    if (aggregation.kind === 'residual' && residualBaseline(schema, aggregation) === undefined) {
      const { value, atLeast } = aggregation
      check.fail(
        `${path}.value`,
        `no item mean of "${value}"${atLeast === undefined ? '' : ` at least ${atLeast}`} to take the residual from`,
        `add an aggregation ${JSON.stringify({ of: 'item', kind: 'mean', value, atLeast })}`,
      )
    }
  })
  if (schema.sequence !== undefined) outcome(schema.sequence.value, 'sequence.value')
}

/** The item mean that a residual is taken from: the schema's first one of the same value and threshold. */
export function residualBaseline(schema: Schema, residual: Aggregation): Aggregation | undefined {
  const { value, atLeast } = residual
  return schema.aggregations.find(
    (a) => a.of === 'item' && a.kind === 'mean' && a.value === value && a.atLeast === atLeast,
  )
}

function checkBy(check: SchemaChecker, fields: ReadonlyMap<string, Field>, name: string, path: string): void {
  const remedy = 'use a field of the item: "ids" with "values", or a "vector"'
  const field = fields.get(name)
  if (field === undefined) check.fail(path, `no field is named "${name}"`, remedy)
  if (field.of !== 'item') check.fail(path, `"${name}" describes the ${field.of}`, remedy)
  if (field.type !== 'ids' && field.type !== 'vector') check.fail(path, `"${name}" is of type ${field.type}`, remedy)
  if (field.type === 'ids' && field.values === undefined) check.fail(path, `"${name}" lists no "values"`, remedy)
}
