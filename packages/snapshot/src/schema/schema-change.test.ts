import type { Schema } from '@headwater/features'
import { describe, expect, it } from 'vitest'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import { checkSchemaChange, SchemaChangeError, schemaChanges } from './schema-change.ts'

const [rating, tags] = snapshotSchema.fields
const [liked] = snapshotSchema.tasks
const [events] = snapshotSchema.aggregations
const changed = (change: Partial<Schema>): Schema => ({ ...snapshotSchema, ...change })

describe('allowed', () => {
  const age = { name: 'age', of: 'user', type: 'float' } as const
  for (const [what, after, added] of [
    ['nothing', snapshotSchema, []],
    ['a new field at the end', changed({ fields: [rating, tags, age] }), ['field "age"']],
    ['a new field before others', changed({ fields: [age, rating, tags] }), ['field "age"']],
    [
      'a new aggregation',
      changed({ aggregations: [{ name: 'gap', of: 'user', kind: 'since' }, events] }),
      ['aggregation "gap"'],
    ],
    ['calendar features', changed({ calendar: ['hour'] }), ['calendar "hour"']],
    ['calendar of users', changed({ userCalendar: ['weekday'] }), ['user calendar "weekday"']],
    ['another column of the log', changed({ fields: [{ ...rating, column: 'stars' }, tags], user: 'uid' }), []],
    ['lists that the log writes otherwise', changed({ fields: [rating, { ...tags, separator: ';' }] }), []],
    ['defaults written out', changed({ fields: [{ ...rating, center: 0, scale: 1 }, tags] }), []],
    ['the weight of a task', changed({ tasks: [{ ...liked, weight: 2 }] }), []],
    [
      'the weight and the delay of its labels',
      changed({ tasks: [{ ...liked, weightBy: 'rating', delayDays: 2 }] }),
      [],
    ],
    ["downstream models' table of users", changed({ userBuckets: 64 }), []],
  ] as const)
    it(what, () => {
      expect(checkSchemaChange(snapshotSchema, after).map(({ feature }) => feature)).toEqual(added)
    })

  it('a category of the sequence', () => {
    const action = { name: 'action', of: 'context', type: 'id' } as const
    const before = changed({ fields: [rating, tags, action] })
    const after = { ...before, sequence: { ...before.sequence!, categories: ['action'] } }
    expect(checkSchemaChange(before, after)).toEqual([
      { feature: 'sequence category "action"', what: 'was added', allowed: true },
    ])
    const hourly = { ...before, sequence: { ...before.sequence!, calendar: ['hour'] as const } }
    expect(checkSchemaChange(before, hourly)).toEqual([
      { feature: 'sequence calendar "hour"', what: 'was added', allowed: true },
    ])
    expect(() => checkSchemaChange(hourly, before)).toThrow('sequence calendar "hour": was removed')
    const none = { categories: [], halfLivesDays: [], calendar: [] }
    expect(checkSchemaChange(before, { ...before, sequence: { ...before.sequence!, ...none } })).toEqual([])
  })

  it('a sequence where there was none', () => {
    const { sequence: _, ...before } = snapshotSchema
    expect(checkSchemaChange(before, snapshotSchema)).toEqual([
      { feature: 'sequence', what: 'was added', allowed: true },
    ])
  })
})

describe('refused, naming the feature', () => {
  const { sequence, ...unordered } = snapshotSchema
  for (const [after, feature, message] of [
    [changed({ fields: [rating] }), 'field "tags"', 'was removed'],
    [changed({ fields: [rating, { ...tags, buckets: 12 }] }), 'field "tags"', 'buckets was 11 and is 12'],
    [changed({ fields: [rating, { ...tags, maxValues: 3 }] }), 'field "tags"', 'maxValues was 2 and is 3'],
    [changed({ fields: [{ ...rating, scale: 2 }, tags] }), 'field "rating"', 'scale was 1 and is 2'],
    [changed({ fields: [rating, { ...tags, of: 'item' }] }), 'field "tags"', 'of was "user" and is "item"'],
    [changed({ fields: [tags, rating] }), 'field "tags"', 'changed its place'],
    [changed({ tasks: [{ ...liked, atLeast: 8 }] }), 'task "liked"', 'atLeast was 7 and is 8'],
    [changed({ tasks: [liked, { ...liked, name: 'loved' }] }), 'task "loved"', 'was added'],
    [changed({ tasks: [{ ...liked, name: 'loved' }] }), 'task "liked"', 'was removed'],
    [changed({ aggregations: [] }), 'aggregation "events"', 'was removed'],
    [
      changed({ aggregations: [{ ...events, halfLifeDays: 3 }] }),
      'aggregation "events"',
      'halfLifeDays was nothing and is 3',
    ],
    [unordered, 'sequence', 'was removed'],
    [changed({ sequence: { ...sequence!, length: 5 } }), 'sequence', 'length was 4 and is 5'],
    [changed({ sequence: { ...sequence!, halfLivesDays: [3] } }), 'sequence', 'halfLivesDays was [] and is [3]'],
    [changed({ itemBuckets: 18 }), 'itemBuckets', 'was 17 and is 18'],
  ] as const)
    it(`${feature} ${message}`, () => {
      const check = () => checkSchemaChange(snapshotSchema, after)
      expect(check).toThrow(SchemaChangeError)
      expect(check).toThrow(`Schema change, ${feature}: `)
      expect(check).toThrow(message)
    })

  const acted = [
    ...snapshotSchema.fields,
    ...(['action', 'surface'] as const).map((name) => ({ name, of: 'outcome' as const, type: 'id' as const })),
  ]
  const kept = (...categories: string[]) => changed({ fields: acted, sequence: { ...sequence!, categories } })
  for (const [before, after, feature, message] of [
    [kept('action', 'surface'), kept('surface'), 'sequence category "action"', 'was removed'],
    [kept('action', 'surface'), kept('surface', 'action'), 'sequence category "surface"', 'changed its place'],
    [
      kept('action'),
      { ...kept('action'), fields: acted.map((field) => (field.name === 'action' ? { ...field, buckets: 9 } : field)) },
      'field "action"',
      'buckets was 4096 and is 9',
    ],
  ] as const)
    it(`${feature} ${message}`, () => {
      expect(() => checkSchemaChange(before, after)).toThrow(`Schema change, ${feature}: ${message}`)
    })

  it('beside what is allowed, all changes are listed', () => {
    const after = changed({ fields: [rating, { name: 'age', of: 'user', type: 'float' }], calendar: ['weekday'] })
    expect(schemaChanges(snapshotSchema, after)).toEqual([
      { feature: 'field "tags"', what: 'was removed', allowed: false },
      { feature: 'field "age"', what: 'was added', allowed: true },
      { feature: 'calendar "weekday"', what: 'was added', allowed: true },
    ])
  })
})
