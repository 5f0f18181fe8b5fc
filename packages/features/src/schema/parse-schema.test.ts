import { describe, expect, it } from 'vitest'
import { fullSchema } from '../testing/random-log.ts'
import { parseSchema } from './parse-schema.ts'
import { SchemaError } from './schema-error.ts'

// biome-ignore lint/suspicious/noExplicitAny: the cases below break the schema's type on purpose
type Loose = any

let named = 0
const effect = (of: string): Loose => ({ name: `effect-${named++}`, of, kind: 'effect', value: 'rating' })

function errorOf(change: (schema: Loose) => void): SchemaError {
  const schema = structuredClone(fullSchema())
  change(schema)
  try {
    parseSchema(schema, 'full.json')
  } catch (error) {
    if (error instanceof SchemaError) return error
    throw error
  }
  throw new Error('the schema was accepted')
}

describe('parseSchema', () => {
  it('accepts a full schema and returns an equal copy', () => {
    const schema = fullSchema()
    const parsed = parseSchema(schema, 'full.json')
    expect(parsed).toEqual(schema)
    expect(parsed).not.toBe(schema)
  })

  it('accepts the least schema', () => {
    const schema = {
      version: 1,
      name: 'least',
      user: 'u',
      item: 'i',
      time: { column: 't', unit: 'iso' },
      fields: [{ name: 'click', of: 'outcome', type: 'float' }],
      tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
      aggregations: [],
    }
    expect(parseSchema(schema, 'least.json')).toEqual(schema)
  })

  it.each([null, undefined, 3, 'text', []])('refuses %j as a whole', (json) => {
    expect(() => parseSchema(json, 'x.json')).toThrow(SchemaError)
  })

  it('says source, path, reason and what to do', () => {
    const error = errorOf((schema) => {
      schema.aggregations[1].by = 'genre'
    })
    expect(error).toMatchObject({
      source: 'full.json',
      path: 'aggregations[1].by',
      reason: 'no field is named "genre"',
      remedy: 'use a field of the item: "ids" with "values", or a "vector"',
    })
    expect(error.message).toBe(`full.json: ${error.path}: ${error.reason}; ${error.remedy}`)
  })

  it('says which task makes an outcome known too late for an input', () => {
    const error = errorOf((schema) => {
      schema.aggregations[5].value = 'bought'
    })
    expect(error.reason).toBe('"bought" is known only 7 days after the event, as task "bought" says')
  })

  it('lists the allowed keys beside an unknown one', () => {
    const error = errorOf((schema) => {
      schema.fields[5].bucket = 8
    })
    expect(error.path).toBe('fields[5].bucket')
    expect(error.remedy).toContain('buckets')
  })

  const cases: [what: string, path: string, change: (schema: Loose) => void][] = [
    ['another version', 'version', (s) => (s.version = 2)],
    ['no name', 'name', (s) => delete s.name],
    ['no user column', 'user', (s) => delete s.user],
    ['an empty item column', 'item', (s) => (s.item = '')],
    ['no time', 'time', (s) => delete s.time],
    ['no time column', 'time.column', (s) => delete s.time.column],
    ['an unknown time unit', 'time.unit', (s) => (s.time.unit = 'ns')],
    ['an unknown key at the root', 'sequences', (s) => (s.sequences = {})],
    ['an unknown key of time', 'time.zone', (s) => (s.time.zone = 'UTC')],
    ['fields that are no list', 'fields', (s) => (s.fields = {})],
    ['a field that is no object', 'fields[0]', (s) => (s.fields[0] = 'rating')],
    ['an effect of users alone', 'aggregations[3].value', (s) => (s.aggregations[3] = effect('user'))],
    ['a second effect of items', 'aggregations[4]', (s) => s.aggregations.splice(3, 2, effect('item'), effect('item'))],
    [
      'an effect without a value',
      'aggregations[3].value',
      (s) => (s.aggregations[3] = { ...effect('item'), value: undefined }),
    ],
    [
      'a prior of a user’s effect',
      'aggregations[3].prior',
      (s) => (s.aggregations[3] = { ...effect('user'), prior: 1 }),
    ],
    [
      'an item’s effect by category',
      'aggregations[3].by',
      (s) => (s.aggregations[3] = { ...effect('item'), by: 'genres' }),
    ],
    [
      'an effect that halves after 0 events',
      'aggregations[3].halfLifeEvents',
      (s) => (s.aggregations[3] = { ...effect('item'), halfLifeEvents: 0 }),
    ],
    ['a field named twice', 'fields[8].name', (s) => (s.fields[8].name = 'age')],
    ['a reserved field name', 'fields[4].name', (s) => (s.fields[4].name = 'hour')],
    ['a field named like the sequence', 'fields[4].name', (s) => (s.fields[4].name = 'sequence')],
    ["a category of the tower's name", 'sequence.categories[0]', (s) => (s.sequence.categories = ['pooling'])],
    ['a field name with a dot', 'fields[4].name', (s) => (s.fields[4].name = 'year.missing')],
    ['an unknown owner', 'fields[4].of', (s) => (s.fields[4].of = 'ad')],
    ['an unknown type', 'fields[4].type', (s) => (s.fields[4].type = 'int')],
    ['an empty column', 'fields[4].column', (s) => (s.fields[4].column = '')],
    ['an outcome that is a list', 'fields[0].type', (s) => (s.fields[0].type = 'ids')],
    ['an outcome id of one bucket', 'fields[9].buckets', (s) => (s.fields[9].buckets = 1)],
    ['buckets of an outcome number', 'fields[0].buckets', (s) => (s.fields[0].buckets = 8)],
    ['scaling of an outcome', 'fields[0].scale', (s) => (s.fields[0].scale = 2)],
    ['a vector without size', 'fields[3].size', (s) => delete s.fields[3].size],
    ['a vector of size 0', 'fields[3].size', (s) => (s.fields[3].size = 0)],
    ['a vector too long', 'fields[3].size', (s) => (s.fields[3].size = 4097)],
    ['a float with buckets', 'fields[4].buckets', (s) => (s.fields[4].buckets = 9)],
    ['an id with several values', 'fields[5].maxValues', (s) => (s.fields[5].maxValues = 2)],
    ['one bucket', 'fields[5].buckets', (s) => (s.fields[5].buckets = 1)],
    ['too many buckets', 'fields[5].buckets', (s) => (s.fields[5].buckets = 2 ** 31 + 1)],
    ['a broken number of values', 'fields[2].maxValues', (s) => (s.fields[2].maxValues = 1.5)],
    ['a separator of five characters', 'fields[2].separator', (s) => (s.fields[2].separator = '-----')],
    ['a scale of 0', 'fields[4].scale', (s) => (s.fields[4].scale = 0)],
    ['a center that is no number', 'fields[4].center', (s) => (s.fields[4].center = Number.NaN)],
    ['a value listed twice', 'fields[2].values[2]', (s) => (s.fields[2].values[2] = 'drama')],
    ['an empty list of values', 'fields[2].values', (s) => (s.fields[2].values = [])],
    ['values of a user field', 'fields[7].values', (s) => (s.fields[7].values = ['t1'])],
    ['no tasks', 'tasks', (s) => (s.tasks = [])],
    ['a task named twice', 'tasks[1].name', (s) => (s.tasks[1].name = 'liked')],
    ['a task of an unknown field', 'tasks[0].field', (s) => (s.tasks[0].field = 'stars')],
    ['a task of an input field', 'tasks[0].field', (s) => (s.tasks[0].field = 'year')],
    ['a task without threshold', 'tasks[0].atLeast', (s) => delete s.tasks[0].atLeast],
    ['a negative task weight', 'tasks[0].weight', (s) => (s.tasks[0].weight = -1)],
    ['a task of an id', 'tasks[0].field', (s) => (s.tasks[0].field = 'action')],
    ['a weight by an unknown field', 'tasks[1].weightBy', (s) => (s.tasks[1].weightBy = 'price')],
    ['a weight by a field of the item', 'tasks[1].weightBy', (s) => (s.tasks[1].weightBy = 'year')],
    ['a weight by an id', 'tasks[1].weightBy', (s) => (s.tasks[1].weightBy = 'device')],
    ['a weight known behind the label', 'tasks[1].weightBy', (s) => (s.tasks[1].weightBy = 'bought')],
    [
      'a weight known a day behind',
      'tasks[0].weightBy',
      (s) => Object.assign(s.tasks[0], { weightBy: 'bought', delayDays: 6 }),
    ],
    ['no delay at all', 'tasks[2].delayDays', (s) => (s.tasks[2].delayDays = 0)],
    ['a delay without end', 'tasks[2].delayDays', (s) => (s.tasks[2].delayDays = Number.POSITIVE_INFINITY)],
    ['a delayed outcome in a statistic', 'aggregations[5].value', (s) => (s.aggregations[5].value = 'bought')],
    ['a delayed outcome in the sequence', 'sequence.value', (s) => (s.sequence.value = 'bought')],
    ['an id as a statistic', 'aggregations[5].value', (s) => (s.aggregations[5].value = 'action')],
    ['no aggregations', 'aggregations', (s) => delete s.aggregations],
    ['an aggregation named twice', 'aggregations[4].name', (s) => (s.aggregations[4].name = 'events')],
    ['an aggregation named like a field', 'aggregations[3].name', (s) => (s.aggregations[3].name = 'age')],
    ['an aggregation of the context', 'aggregations[3].of', (s) => (s.aggregations[3].of = 'context')],
    ['an unknown kind', 'aggregations[3].kind', (s) => (s.aggregations[3].kind = 'median')],
    ['a mean without value', 'aggregations[5].value', (s) => delete s.aggregations[5].value],
    ['a mean of an input field', 'aggregations[5].value', (s) => (s.aggregations[5].value = 'age')],
    ['a sum of an unknown field', 'aggregations[9].value', (s) => (s.aggregations[9].value = 'dwell')],
    ['a residual without item mean', 'aggregations[0].value', (s) => (s.aggregations[0].value = 'minutes')],
    ['a residual with a prior', 'aggregations[0].prior', (s) => (s.aggregations[0].prior = 1)],
    ['a residual of an item', 'aggregations[0].kind', (s) => (s.aggregations[0].of = 'item')],
    [
      'a residual without item mean of its threshold',
      'aggregations[16].value',
      (s) => (s.aggregations[16].atLeast = 8),
    ],
    ['a threshold without value', 'aggregations[9].atLeast', (s) => (s.aggregations[9].atLeast = 1)],
    ['a threshold of a count', 'aggregations[3].atLeast', (s) => (s.aggregations[3].atLeast = 1)],
    ['a threshold that is text', 'aggregations[5].atLeast', (s) => (s.aggregations[5].atLeast = '7')],
    ['a share without by', 'aggregations[7].by', (s) => delete s.aggregations[7].by],
    ['a share of an item', 'aggregations[7].kind', (s) => (s.aggregations[7].of = 'item')],
    ['by of an item aggregation', 'aggregations[13].by', (s) => (s.aggregations[13].by = 'genres')],
    ['by a user field', 'aggregations[4].by', (s) => (s.aggregations[4].by = 'tags')],
    ['by an outcome', 'aggregations[4].by', (s) => (s.aggregations[4].by = 'rating')],
    ['by a float', 'aggregations[4].by', (s) => (s.aggregations[4].by = 'year')],
    ['by ids without values', 'aggregations[1].by', (s) => delete s.fields[2].values],
    ['a count with a value', 'aggregations[3].value', (s) => (s.aggregations[3].value = 'rating')],
    ['a half-life of since', 'aggregations[11].halfLifeDays', (s) => (s.aggregations[11].halfLifeDays = 1)],
    ['a half-life of 0', 'aggregations[5].halfLifeDays', (s) => (s.aggregations[5].halfLifeDays = 0)],
    ['a half-life of 0 events', 'aggregations[5].halfLifeEvents', (s) => (s.aggregations[5].halfLifeEvents = 0)],
    ['events that are text', 'aggregations[9].halfLifeEvents', (s) => (s.aggregations[9].halfLifeEvents = '9')],
    ['events of since', 'aggregations[11].halfLifeEvents', (s) => (s.aggregations[11].halfLifeEvents = 9)],
    ['a shrinkage of 0', 'aggregations[5].shrinkage', (s) => (s.aggregations[5].shrinkage = 0)],
    ['a prior that is text', 'aggregations[5].prior', (s) => (s.aggregations[5].prior = '7')],
    ['a sequence of length 0', 'sequence.length', (s) => (s.sequence.length = 0)],
    ['a sequence too long', 'sequence.length', (s) => (s.sequence.length = 4097)],
    ['a sequence of an input field', 'sequence.value', (s) => (s.sequence.value = 'age')],
    ['a sequence without buckets', 'sequence.buckets', (s) => delete s.sequence.buckets],
    ['an unknown key of the sequence', 'sequence.size', (s) => (s.sequence.size = 3)],
    ['residuals of a sequence that are not asked for', 'sequence.residual', (s) => (s.sequence.residual = false)],
    [
      'residuals of a sequence without an item mean',
      'sequence.residual',
      (s) => Object.assign(s.sequence, { value: 'minutes', residual: true }),
    ],
    ['categories that are no list', 'sequence.categories', (s) => (s.sequence.categories = 'action')],
    ['a category twice', 'sequence.categories[1]', (s) => (s.sequence.categories[1] = 'action')],
    ['an unknown category', 'sequence.categories[0]', (s) => (s.sequence.categories[0] = 'verb')],
    [
      'a category of the user',
      'sequence.categories[0]',
      (s) =>
        Object.assign(s, {
          fields: s.fields.map((f: Loose) => (f.name === 'device' ? { ...f, of: 'user' } : f)),
          sequence: { ...s.sequence, categories: ['device'] },
        }),
    ],
    ['a category that is a number', 'sequence.categories[0]', (s) => (s.sequence.categories[0] = 'worth')],
    ['a category that is a list', 'sequence.categories[0]', (s) => (s.sequence.categories[0] = 'genres')],
    ['half-lives of a sequence that are no list', 'sequence.halfLivesDays', (s) => (s.sequence.halfLivesDays = 3)],
    ['a half-life of a sequence of 0', 'sequence.halfLivesDays[1]', (s) => (s.sequence.halfLivesDays[1] = 0)],
    [
      'too many half-lives of a sequence',
      'sequence.halfLivesDays',
      (s) => (s.sequence.halfLivesDays = Array(17).fill(1)),
    ],
    ['too many item buckets', 'itemBuckets', (s) => (s.itemBuckets = 2 ** 25)],
    ['no user buckets', 'userBuckets', (s) => (s.userBuckets = 0)],
    ['an unknown calendar part', 'calendar[0]', (s) => (s.calendar[0] = 'month')],
    ['a calendar part twice', 'calendar[1]', (s) => (s.calendar[1] = 'weekday')],
    ['an unknown part of users', 'userCalendar[0]', (s) => (s.userCalendar = ['month'])],
    ['a part of events twice', 'sequence.calendar[1]', (s) => (s.sequence.calendar = ['hour', 'hour'])],
  ]
  it.each(cases)('refuses %s', (_, path, change) => {
    const error = errorOf(change)
    expect(error.path).toBe(path)
    expect(error.reason).not.toBe('')
    expect(error.remedy).not.toBe('')
  })
})
