import type { Field, Schema } from '@headwater/features'
import { LogError } from '../log/log-error.ts'
import type { Column } from './column.ts'
import type { LogFile } from './log-files.ts'
import type { Source } from './source.ts'
import { literal } from './sql.ts'

/** Keys travel to the store, which takes no longer ones. */
const maxKeyBytes = 512

/** Largest magnitude of a number: scaled values stay finite in float32. */
const maxMagnitude = '1e30'

/** Milliseconds to the year 2200: beyond it the unit of the times is wrong. */
const latestMs = Date.UTC(2200, 0)

/** A row is bad where `when` holds; `reason` is an SQL text. */
interface Check {
  readonly when: string
  readonly field: string
  readonly reason: string
}

/**
 * One file's rows as SQL: their number from 1, what is wrong with them (or null), user_key, item_key, time_ms, f0, f1, …, and
 * the keys that joined tables do not know, j0, j1, …
 */
export function typedRows(file: LogFile, source: Source, schema: Schema): string {
  const column = (name: string) => source.columns.get(name)!
  const time = column(schema.time.column)
  if (time.kind === 'timestamp' && schema.time.unit !== 'iso') {
    const where = { file: file.path, field: schema.time.column }
    throw new LogError(`holds timestamps, not numbers of ${schema.time.unit}`, 'set "unit" to "iso"', where)
  }
  // Every value is computed once, under a short name, and then checked and cast.
  const values = [
    `${source.row} AS "row"`,
    `${column(schema.user).text()} AS user_text`,
    `${column(schema.item).text()} AS item_text`,
    `${time.text()} AS time_text`,
    `${time.timeMs(schema.time.unit)} AS time_value`,
    ...source.unjoined.map((key, i) => `${key} AS j${i}`),
    ...schema.fields.flatMap((field, i) => {
      const own = source.columns.get(field.column ?? field.name)
      // What negatives make is 1 in each row of the log: some files say so, as those that a service writes.
      if (field.name === schema.negatives?.outcome)
        return [`'1' AS t${i}`, `${own ? `COALESCE(${own.number()}, 1)` : 'CAST(1 AS DOUBLE)'} AS v${i}`]
      return [`${own!.text()} AS t${i}`, `${typedValue(field, own!)} AS v${i}`]
    }),
  ]
  const checks = [
    ...(file.format === 'jsonl' || file.format === 'json' ? [noObject(schema)] : []),
    ...keyChecks(schema.user, 'user_text'),
    ...keyChecks(schema.item, 'item_text'),
    ...timeChecks(schema),
    ...schema.fields.flatMap((field, i) => fieldChecks(schema, field, i)),
  ]
  const cases = checks.map(({ when, field, reason }) => {
    return `WHEN ${when} THEN {'field': ${literal(field)}, 'reason': ${reason}}`
  })
  const fieldValues = schema.fields.map(({ type }, i) => {
    return type === 'vector' ? `TRY_CAST(v${i} AS FLOAT[]) AS f${i}` : `v${i} AS f${i}`
  })
  const unjoined = source.unjoined.map((_, i) => `j${i}`)
  return `WITH typed AS (SELECT ${values.join(', ')} FROM ${source.from})
    SELECT "row", CASE ${cases.join('\n')} END AS problem,
      user_text AS user_key, item_text AS item_key, time_value AS time_ms, ${[...fieldValues, ...unjoined].join(', ')}
    FROM typed`
}

function typedValue(field: Field, column: Column): string {
  if (field.type === 'float') return column.number()
  if (field.type === 'id') return `NULLIF(${column.text()}, '')`
  return field.type === 'ids' ? column.texts(field.separator) : column.numbers(field.separator)
}

/** A line or an array's value that is no JSON object reads as one without any key. */
function noObject(schema: Schema): Check {
  const texts = ['user_text', 'item_text', 'time_text', ...schema.fields.map((_, i) => `t${i}`)]
  return {
    when: texts.map((text) => `${text} IS NULL`).join(' AND '),
    field: schema.user,
    reason: literal("is no JSON object with any of the schema's columns"),
  }
}

function keyChecks(field: string, text: string): Check[] {
  const long = `'is a key of ' || strlen(${text}) || ' bytes, longer than ${maxKeyBytes}'`
  return [
    { when: `${text} IS NULL OR ${text} = ''`, field, reason: literal('is missing or empty') },
    { when: `strlen(${text}) > ${maxKeyBytes}`, field, reason: long },
  ]
}

function timeChecks(schema: Schema): Check[] {
  const { column: field, unit } = schema.time
  const expected = literal(unit === 'iso' ? ' is no ISO 8601 time' : ` is no number of ${unit} since 1970`)
  const outside = literal(` is outside the years 1970 to 2200 (the schema's "unit" is ${unit})`)
  const told = (why: string) => `${quoted('time_text')} || ${why}`
  return [
    { when: 'time_text IS NULL', field, reason: literal('is missing') },
    { when: `time_value IS NULL OR isnan(time_value)`, field, reason: told(expected) },
    { when: `time_value NOT BETWEEN 0 AND ${latestMs}`, field, reason: told(outside) },
  ]
}

function fieldChecks(schema: Schema, { name: field, type, size }: Field, i: number): Check[] {
  const [text, value] = [`t${i}`, `v${i}`]
  const check = (when: string, reason: string): Check => ({ when, field, reason })
  if (field === schema.negatives?.outcome) {
    const hint = ', so that the log has an outcome: drop "negatives" from the schema, or the row'
    return [check(`${value} <> 1`, `'is ' || ${value} || ${literal(hint)}`)]
  }
  if (type === 'float') {
    const [ranked] = schema.tasks
    const binary = schema.tasks.find((task) => task.field === field && task.atLeast === 1)
    const weighed = schema.tasks.find(({ weightBy }) => weightBy === field)
    const checks = [
      check(`${text} IS NOT NULL AND ${value} IS NULL`, `${quoted(text)} || ' is no number'`),
      check(`NOT abs(${value}) <= ${maxMagnitude}`, `${quoted(text)} || ' is no finite number'`),
    ]
    if (ranked.field === field)
      checks.push(check(`${value} IS NULL`, literal(`is missing, and task "${ranked.name}" needs it`)))
    if (weighed !== undefined) {
      const hint = ` is below 0, but task "${weighed.name}" takes it as a weight`
      checks.push(check(`${value} < 0`, `${quoted(text)} || ${literal(hint)}`))
    }
    if (binary !== undefined) {
      const hint = ` is neither 0 nor 1, as task "${binary.name}" with "atLeast": 1 wants (for a count write 0.5)`
      checks.push(check(`${value} NOT IN (0, 1)`, `${quoted(text)} || ${literal(hint)}`))
    }
    return checks
  }
  if (type !== 'vector') return []
  const weights = schema.aggregations.find(({ by }) => by === field)
  const hint = ` is below 0, but "${weights?.name}" takes the numbers as weights`
  const finite = `len(list_filter(${value}, lambda entry: abs(entry) <= ${maxMagnitude}))`
  return [
    check(`len(${value}) <> ${size}`, `'has ' || len(${value}) || ' numbers, not ${size}'`),
    check(
      `${text} IS NOT NULL AND ${finite} IS DISTINCT FROM ${size}`,
      `${quoted(text)} || ' is no list of finite numbers'`,
    ),
    ...(weights ? [check(`list_min(${value}) < 0`, `list_min(${value}) || ${literal(hint)}`)] : []),
  ]
}

function quoted(text: string): string {
  return `'"' || left(${text}, 60) || '"'`
}
