import {
  type Aggregation,
  type AggregationKind,
  type Field,
  type FieldType,
  maxMagnitude,
  type Schema,
} from './schema.ts'
import {
  type Check,
  distinct,
  integer,
  list,
  newName,
  number,
  object,
  oneOf,
  rootPath,
  SchemaChecker,
  text,
} from './schema-checker.ts'
import { checkReferences } from './schema-references.ts'

/** Names of inputs that the schema does not declare. */
const reservedNames = ['known', 'user', 'item', 'hour', 'weekday', 'sequence']
/** What a tower keeps of a sequence under this name is no category's table. */
const reservedCategory = 'pooling'

const magnitude = number(-maxMagnitude, maxMagnitude)
const buckets = integer(2, 2 ** 24)
/** Of what a tower looks up: the tables of ours are refused by the device that is to hold them, a vocabulary of another's has none. */
const hashes = integer(2, 2 ** 31)
const scaling = { center: magnitude, scale: number(1e-6, maxMagnitude) }
const calendar = distinct(0, 2, oneOf(['hour', 'weekday']))
const days = number(1e-6, 1e6)
/** A bit over eleven years. */
const delayDays = number(1e-6, 4096)
const owner = oneOf(['user', 'item', 'context', 'outcome'])

type Keys = Readonly<Record<string, Check>>

/** What fields of a type have beside their common keys: what must be there, and what may be. */
const fieldKeys: Record<FieldType, readonly [Keys, Keys]> = {
  float: [{}, scaling],
  id: [{}, { buckets: hashes }],
  ids: [{}, { buckets: hashes, maxValues: integer(1, 1024), values: distinct(1, 4096, text), separator }],
  vector: [{ size: integer(1, 4096) }, { ...scaling, separator }],
}
/** An outcome is no input of its own row; of an id's, the table of a sequence category can be sized. */
const outcomeKeys: Partial<typeof fieldKeys> = { float: [{}, {}], id: fieldKeys.id }

const negatives = object(
  { outcome: text, items: integer(1, 64) },
  { windowDays: number(1e-3, 1e4), seed: integer(0, 2 ** 32 - 1) },
)

const by = text
const value = text
const atLeast = magnitude
const prior = magnitude
const shrinkage = days
const decay = { halfLifeDays: days, halfLifeEvents: number(1e-2, 1e6) }
const aggregationKeys: Record<AggregationKind, readonly [Keys, Keys]> = {
  count: [{}, { by, ...decay }],
  mean: [{ value }, { atLeast, by, shrinkage, prior, ...decay }],
  residual: [{ value }, { atLeast, by, shrinkage, ...decay }],
  share: [{ by }, decay],
  sum: [{}, { value, atLeast, by, ...decay }],
  since: [{}, {}],
  effect: [{ value }, { atLeast, by, shrinkage, prior, ...decay }],
}

const sequence = object(
  { length: integer(1, 4096), value, buckets: hashes },
  { ...scaling, categories: distinct(0, 16, sequenceCategory), halfLivesDays: list(0, 16, days), residual, calendar },
)

/**
 * Validates a schema completely and returns a copy of it, defaults not filled in.
 *
 * @param json the parsed JSON
 * @param source where it came from, for messages
 * @throws SchemaError at the first thing that is wrong
 */
export function parseSchema(json: unknown, source: string): Schema {
  const checker = new SchemaChecker(source)
  const featureName = newName(new Set(reservedNames))
  const task = object(
    { name: newName(new Set()), field: text, atLeast },
    { weight: number(0, 1e6), weightBy: text, delayDays },
  )
  const root = object(
    {
      version,
      name: text,
      user: text,
      item: text,
      time: object({ column: text, unit: oneOf(['s', 'ms', 'us', 'iso']) }),
      fields: list(1, 1024, fieldNamed(featureName)),
      tasks: list(1, 64, task),
      aggregations: list(0, 256, aggregationNamed(featureName)),
    },
    {
      sequence,
      itemBuckets: buckets,
      userBuckets: buckets,
      calendar,
      userCalendar: calendar,
      negatives,
      delimiter,
      columns: distinct(1, 4096, text),
    },
  )
  root(checker, json, rootPath)
  const schema = JSON.parse(JSON.stringify(json)) as Schema
  checkReferences(checker, schema)
  return schema
}

function residual(checker: SchemaChecker, json: unknown, path: string): void {
  if (json !== true) checker.fail(path, `is ${JSON.stringify(json)}`, 'give true or leave it out')
}

function version(checker: SchemaChecker, json: unknown, path: string): void {
  if (json !== 1) checker.fail(path, `is ${JSON.stringify(json)}`, 'use 1')
}

/** Four bytes is what the reader of the files takes. */
function delimiter(checker: SchemaChecker, json: unknown, path: string): void {
  if (typeof json === 'string' && /^[\t -~]{1,4}$/.test(json) && !json.includes('"')) return
  checker.fail(path, `is ${JSON.stringify(json)}`, 'give 1 to 4 ASCII characters, as "\\t" or "::", without quotes')
}

/** What parts the entries of a list in one cell. */
function separator(checker: SchemaChecker, json: unknown, path: string): void {
  if (typeof json === 'string' && json.length >= 1 && json.length <= 4) return
  checker.fail(path, `is ${JSON.stringify(json)}`, 'give 1 to 4 characters, as ";"')
}

function fieldNamed(name: Check): Check {
  const common = { name, of: owner, type: oneOf(Object.keys(fieldKeys)) }
  const all = Object.keys(Object.assign({ ...common, column: text }, ...Object.values(fieldKeys).flat()))
  return (checker, json, path) => {
    const { of, type, ...field } = checker.object(json, path, all) as unknown as Field
    owner(checker, of, `${path}.of`)
    common.type(checker, type, `${path}.type`)
    const keys = (of === 'outcome' ? outcomeKeys : fieldKeys)[type]
    if (keys === undefined) {
      return checker.fail(`${path}.type`, `outcome "${field.name}" is of type ${type}`, 'make it a float, or an id')
    }
    object({ ...common, ...keys[0] }, { column: text, ...keys[1] })(checker, json, path)
    if (field.values === undefined || of === 'item') return
    const reason = `"${field.name}" describes the ${of}`
    checker.fail(`${path}.values`, reason, 'list values only for a field of the item')
  }
}

function aggregationNamed(name: Check): Check {
  const common = { name, of: oneOf(['user', 'item']), kind: oneOf(Object.keys(aggregationKeys)) }
  const all = Object.keys(Object.assign({ ...common }, ...Object.values(aggregationKeys).flat()))
  return (checker, json, path) => {
    const aggregation = checker.object(json, path, all) as unknown as Aggregation
    const { of, kind } = aggregation
    common.of(checker, of, `${path}.of`)
    common.kind(checker, kind, `${path}.kind`)
    if (of === 'item' && (kind === 'residual' || kind === 'share')) {
      checker.fail(`${path}.kind`, `an item has no ${kind}`, 'use it with "of": "user"')
    }
    if (of === 'user' && kind === 'effect' && aggregation.prior !== undefined) {
      checker.fail(`${path}.prior`, 'is of a user', "give it to the item's effect of the same outcome")
    }
    const [required, { by: slots, ...optional }] = aggregationKeys[kind]
    const own = of === 'user' && slots !== undefined ? { ...optional, by: slots } : optional
    object({ ...common, ...required }, own)(checker, json, path)
    if (aggregation.atLeast === undefined || aggregation.value !== undefined) return
    checker.fail(`${path}.atLeast`, 'there is no value to compare', 'add "value"')
  }
}

function sequenceCategory(checker: SchemaChecker, json: unknown, path: string): void {
  text(checker, json, path)
  if (json !== reservedCategory) return
  checker.fail(path, `"${json}" is a name of the tower's own`, 'give the field another name')
}
