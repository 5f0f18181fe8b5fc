import { type AggregationKind, type Field, type FieldType, maxMagnitude, type Schema } from './schema.ts'
import { SchemaChecker } from './schema-checker.ts'
import { checkReferences } from './schema-references.ts'

const maxBuckets = 2 ** 24
const maxSequenceLength = 4096
const maxVectorSize = 4096
const maxSequenceCategories = 16
const maxSequenceHalfLives = 16
const minScale = 1e-6
/** A bit over eleven years. */
const maxDelayDays = 4096

/** Names of inputs that the schema does not declare. */
const reservedNames = ['known', 'user', 'item', 'hour', 'weekday', 'sequence']
/** What a tower keeps of a sequence under this name is no category's table. */
const reservedCategory = 'pooling'

const rootKeys = [
  'version',
  'name',
  'user',
  'item',
  'time',
  'fields',
  'tasks',
  'aggregations',
  'sequence',
  'itemBuckets',
  'userBuckets',
  'calendar',
]

const fieldKeys: Record<FieldType, readonly string[]> = {
  float: ['center', 'scale'],
  id: ['buckets'],
  ids: ['buckets', 'maxValues', 'values'],
  vector: ['size', 'center', 'scale'],
}

const aggregationKeys: Record<AggregationKind, readonly string[]> = {
  count: ['by', 'halfLifeDays'],
  mean: ['value', 'atLeast', 'by', 'shrinkage', 'prior', 'halfLifeDays'],
  residual: ['value', 'atLeast', 'by', 'shrinkage', 'halfLifeDays'],
  share: ['by', 'halfLifeDays'],
  sum: ['value', 'atLeast', 'by', 'halfLifeDays'],
  since: [],
}

/**
 * Validates a schema completely and returns a copy of it, defaults not filled in.
 *
 * @param json the parsed JSON
 * @param source where it came from, for messages
 * @throws SchemaError at the first thing that is wrong
 */
export function parseSchema(json: unknown, source: string): Schema {
  const check = new SchemaChecker(source)
  const root = check.object(json, '(root)', rootKeys)
  if (root.version !== 1) check.fail('version', `is ${JSON.stringify(root.version)}`, 'use 1')
  check.text(root.name, 'name')
  check.text(root.user, 'user')
  check.text(root.item, 'item')
  const time = check.object(root.time, 'time', ['column', 'unit'])
  check.text(time.column, 'time.column')
  check.oneOf(time.unit, 'time.unit', ['s', 'ms', 'iso'])

  const featureNames = new Set(reservedNames)
  check.list(root.fields, 'fields', 1, 1024).forEach((field, i) => {
    checkField(check, field, `fields[${i}]`, featureNames)
  })
  const taskNames = new Set<string>()
  check.list(root.tasks, 'tasks', 1, 64).forEach((task, i) => {
    checkTask(check, task, `tasks[${i}]`, taskNames)
  })
  check.list(root.aggregations, 'aggregations', 0, 256).forEach((aggregation, i) => {
    checkAggregation(check, aggregation, `aggregations[${i}]`, featureNames)
  })
  if (root.sequence !== undefined) checkSequence(check, root.sequence)
  if (root.itemBuckets !== undefined) check.integer(root.itemBuckets, 'itemBuckets', 2, maxBuckets)
  if (root.userBuckets !== undefined) check.integer(root.userBuckets, 'userBuckets', 2, maxBuckets)
  if (root.calendar !== undefined) {
    const taken = new Set<string>()
    check.list(root.calendar, 'calendar', 0, 2).forEach((part, i) => {
      const name = check.oneOf(part, `calendar[${i}]`, ['hour', 'weekday'])
      if (taken.has(name)) check.fail(`calendar[${i}]`, `"${name}" is listed twice`, 'list it once')
      taken.add(name)
    })
  }

  const schema = JSON.parse(JSON.stringify(root)) as Schema
  checkReferences(check, schema)
  return schema
}

function checkField(check: SchemaChecker, json: unknown, path: string, taken: Set<string>): void {
  const allKeys = ['name', 'column', 'of', 'type', 'size', 'maxValues', 'buckets', 'center', 'scale', 'values']
  const field = check.object(json, path, allKeys) as Partial<Record<keyof Field, unknown>>
  const name = check.newName(field.name, `${path}.name`, taken)
  if (field.column !== undefined) check.text(field.column, `${path}.column`)
  const owner = check.oneOf(field.of, `${path}.of`, ['user', 'item', 'context', 'outcome'])
  const type = check.oneOf(field.type, `${path}.type`, ['float', 'id', 'ids', 'vector'])
  if (owner === 'outcome') {
    // An outcome is no input of its own row; of an id's, the table of a sequence category can be sized.
    if (type !== 'float' && type !== 'id') {
      check.fail(`${path}.type`, `outcome "${name}" is of type ${type}`, 'make it a float, or an id')
    }
    check.object(json, path, ['name', 'column', 'of', 'type', ...(type === 'id' ? fieldKeys.id : [])])
    if (field.buckets !== undefined) check.integer(field.buckets, `${path}.buckets`, 2, maxBuckets)
    return
  }
  check.object(json, path, ['name', 'column', 'of', 'type', ...fieldKeys[type]])
  if (type === 'vector') check.integer(field.size, `${path}.size`, 1, maxVectorSize)
  if (field.maxValues !== undefined) check.integer(field.maxValues, `${path}.maxValues`, 1, 1024)
  if (field.buckets !== undefined) check.integer(field.buckets, `${path}.buckets`, 2, maxBuckets)
  checkScaling(check, field, `${path}.`)
  if (field.values === undefined) return
  if (owner !== 'item') {
    check.fail(`${path}.values`, `"${name}" describes the ${owner}`, 'list values only for a field of the item')
  }
  const listed = new Set<string>()
  check.list(field.values, `${path}.values`, 1, 4096).forEach((value, i) => {
    const text = check.text(value, `${path}.values[${i}]`)
    if (listed.has(text)) check.fail(`${path}.values[${i}]`, `"${text}" is listed twice`, 'list it once')
    listed.add(text)
  })
}

function checkTask(check: SchemaChecker, json: unknown, path: string, taken: Set<string>): void {
  const task = check.object(json, path, ['name', 'field', 'atLeast', 'weight', 'weightBy', 'delayDays'])
  check.newName(task.name, `${path}.name`, taken)
  check.text(task.field, `${path}.field`)
  check.number(task.atLeast, `${path}.atLeast`, -maxMagnitude, maxMagnitude)
  if (task.weight !== undefined) check.number(task.weight, `${path}.weight`, 0, 1e6)
  if (task.weightBy !== undefined) check.text(task.weightBy, `${path}.weightBy`)
  if (task.delayDays !== undefined) check.number(task.delayDays, `${path}.delayDays`, 1e-6, maxDelayDays)
}

function checkAggregation(check: SchemaChecker, json: unknown, path: string, taken: Set<string>): void {
  const allKeys = ['name', 'of', 'kind', 'value', 'atLeast', 'by', 'shrinkage', 'prior', 'halfLifeDays']
  const aggregation = check.object(json, path, allKeys)
  check.newName(aggregation.name, `${path}.name`, taken)
  const owner = check.oneOf(aggregation.of, `${path}.of`, ['user', 'item'])
  const kinds = Object.keys(aggregationKeys) as AggregationKind[]
  const kind = check.oneOf(aggregation.kind, `${path}.kind`, kinds)
  if (owner === 'item' && (kind === 'residual' || kind === 'share')) {
    check.fail(`${path}.kind`, `an item has no ${kind}`, 'use it with "of": "user"')
  }
  const keys = owner === 'item' ? aggregationKeys[kind].filter((key) => key !== 'by') : aggregationKeys[kind]
  check.object(json, path, ['name', 'of', 'kind', ...keys])
  if (kind === 'mean' || kind === 'residual') check.text(aggregation.value, `${path}.value`)
  else if (aggregation.value !== undefined) check.text(aggregation.value, `${path}.value`)
  if (aggregation.atLeast !== undefined) {
    if (aggregation.value === undefined) check.fail(`${path}.atLeast`, 'there is no value to compare', 'add "value"')
    check.number(aggregation.atLeast, `${path}.atLeast`, -maxMagnitude, maxMagnitude)
  }
  if (kind === 'share' || aggregation.by !== undefined) check.text(aggregation.by, `${path}.by`)
  if (aggregation.shrinkage !== undefined) check.number(aggregation.shrinkage, `${path}.shrinkage`, 1e-6, 1e6)
  if (aggregation.prior !== undefined) check.number(aggregation.prior, `${path}.prior`, -maxMagnitude, maxMagnitude)
  if (aggregation.halfLifeDays !== undefined) {
    check.number(aggregation.halfLifeDays, `${path}.halfLifeDays`, 1e-6, 1e6)
  }
}

function checkSequence(check: SchemaChecker, json: unknown): void {
  const sequence = check.object(json, 'sequence', [
    'length',
    'value',
    'buckets',
    'center',
    'scale',
    'categories',
    'halfLivesDays',
  ])
  check.integer(sequence.length, 'sequence.length', 1, maxSequenceLength)
  check.text(sequence.value, 'sequence.value')
  check.integer(sequence.buckets, 'sequence.buckets', 2, maxBuckets)
  checkScaling(check, sequence, 'sequence.')
  if (sequence.halfLivesDays !== undefined) {
    check.list(sequence.halfLivesDays, 'sequence.halfLivesDays', 0, maxSequenceHalfLives).forEach((days, i) => {
      check.number(days, `sequence.halfLivesDays[${i}]`, 1e-6, 1e6)
    })
  }
  if (sequence.categories === undefined) return
  const listed = new Set<string>()
  check.list(sequence.categories, 'sequence.categories', 0, maxSequenceCategories).forEach((category, i) => {
    const name = check.text(category, `sequence.categories[${i}]`)
    if (listed.has(name)) check.fail(`sequence.categories[${i}]`, `"${name}" is listed twice`, 'list it once')
    if (name === reservedCategory) {
      check.fail(`sequence.categories[${i}]`, `"${name}" is a name of the tower's own`, 'give the field another name')
    }
    listed.add(name)
  })
}

function checkScaling(check: SchemaChecker, json: { center?: unknown; scale?: unknown }, prefix: string): void {
  if (json.center !== undefined) check.number(json.center, `${prefix}center`, -maxMagnitude, maxMagnitude)
  if (json.scale !== undefined) check.number(json.scale, `${prefix}scale`, minScale, maxMagnitude)
}
