import { halfToFloat } from '@headwater/binary16'
import { bucketOf, compileFeatures, parseSchema } from '@headwater/features'
import { expect, test } from 'vitest'
import { shopSchema } from '../../testing/small-tower.ts'
import { parseInputMap } from '../map/input-map.ts'
import type { ElementType } from '../model/model-facts.ts'
import { bindInputs } from './bind-inputs.ts'

/** With hours and weekdays of now and of events. */
const schema = parseSchema(
  {
    ...shopSchema,
    userCalendar: ['hour', 'weekday'],
    sequence: { ...shopSchema.sequence, calendar: ['weekday', 'hour'] },
  },
  'schema of the test',
)
const space = compileFeatures(schema)
/** A Wednesday in UTC; the first of the events below is of the day before. */
const nowMs = Date.UTC(2023, 10, 15, 1, 13)

/** Two rows: a user of three events with two tags, and one of whom nothing is known. */
const batch = space.allocate('user', 2)
const state = space.newUserState()
for (const [item, kind, agoS, bought] of [
  ['a', 'toy', 7200, 1],
  ['b', null, 3600, null],
  ['c', 'book', 60, 3],
] as const) {
  const values = [25, ['red', 'blue'], kind, bought]
  space.update(state, space.newItemState(), { row: 0, user: 'u', item, timeMs: nowMs - 1000 * agoS, values })
}
space.encodeUser(batch, 0, state, nowMs)
space.encodeUser(batch, 1, space.newUserState(), nowMs)

const keys = new Map([
  ['tags', ['blue', 'green']],
  ['items', ['c', 'a']],
  ['kinds', ['book', 'toy']],
])

/** The tensor that a source gives for an input of a type and of axes behind the rows. */
function tensorOf(source: object, type: ElementType, dims: readonly number[], events: object = { last: 4 }) {
  const map = parseInputMap(
    {
      ...{ version: 1, embeddings: { count: 1, width: 4 }, events, inputs: { x: source } },
      vocabularies: { tags: { file: 'a' }, items: { file: 'b' }, kinds: { file: 'c' } },
    },
    'map.json',
  )
  const facts = {
    inputs: [{ name: 'x', type, dims: ['rows', ...dims] }],
    outputs: [],
    opset: 17,
    producer: '',
    dataFiles: new Map(),
  }
  const [input] = bindInputs('model.onnx', facts, map, keys, schema)
  const tensor = input.tensor(batch)
  const data = Array.from(tensor.data as ArrayLike<number | bigint>, Number)
  return { ...tensor, data: type === 'float16' ? data.map(halfToFloat) : data }
}

const [red, blue] = ['red', 'blue'].map((tag) => bucketOf('tags', tag, 65_536))
const hashed = ['a', 'b', 'c'].map((item) => bucketOf('item', item, 2 ** 31))
const none = [0, 0, 0, 0]
const moved = { from: 'event-items', vocabulary: 'items', first: 10, unknown: 3, padding: 4 }
const value = { from: 'event-value', missing: -1 }

test.each<[string, object, ElementType, number[], number[], object?]>([
  ['columns', { from: 'columns', names: ['age.missing', 'known'] }, 'float32', [2], [0, 1, 1, 0]],
  ['a field as it came', { from: 'field', name: 'age', missing: -1 }, 'float64', [], [25, -1]],
  ['a field as a column', { from: 'field', name: 'age' }, 'float32', [1], [25, 0]],
  ['hashed ids', { from: 'ids', name: 'tags', padding: 9 }, 'int32', [3], [red, blue, 9, 0, 9, 9]],
  ['ids of a vocabulary', { from: 'ids', name: 'tags', vocabulary: 'tags' }, 'int64', [3], [1, 2, 0, 0, 0, 0]],
  ['how many ids', { from: 'ids-count', name: 'tags' }, 'int32', [], [2, 1]],
  ['hashed items', { from: 'event-items', padding: 7 }, 'int32', [4], [...hashed, 7, 7, 7, 7, 7]],
  ['items, rows moved', moved, 'int64', [4], [11, 3, 10, 4, 4, 4, 4, 4]],
  ['a category', { from: 'event-category', name: 'kind', vocabulary: 'kinds' }, 'int64', [4], [3, 1, 2, 0, ...none]],
  [
    'outcomes as they came',
    { from: 'event-value', missing: -1, padding: 5 },
    'float32',
    [4],
    [1, -1, 3, 5, 5, 5, 5, 5],
  ],
  ['ages in hours', { from: 'event-age', unit: 'h' }, 'int64', [4], [2, 1, 0, 0, ...none]],
  ['a mask of bools', { from: 'event-mask' }, 'bool', [4], [1, 1, 1, 0, ...none]],
  ['a mask of padding', { from: 'event-mask', of: 'padding' }, 'float32', [4], [0, 0, 0, 1, 1, 1, 1, 1]],
  ['how many events', { from: 'event-count' }, 'int64', [], [3, 0]],
  ['the last two', { from: 'event-count' }, 'int64', [1], [2, 0], { last: 2 }],
  ['the newest first', value, 'float32', [4], [3, -1, 1, 0, ...none], { last: 4, order: 'newest-first' }],
  ['padding before', value, 'float32', [4], [0, 1, -1, 3, ...none], { last: 4, pad: 'start' }],
  ['the hour it is', { from: 'calendar', name: 'hour' }, 'float32', [1], [1, 1]],
  ['the weekday as a row', { from: 'calendar', name: 'weekday', first: 4 }, 'int64', [], [7, 7]],
  [
    'hours of events',
    { from: 'event-calendar', name: 'hour', padding: 24 },
    'int64',
    [4],
    [23, 0, 1, 24, 24, 24, 24, 24],
  ],
  ['weekdays of events', { from: 'event-calendar', name: 'weekday', first: 1 }, 'float16', [4], [3, 4, 4, 0, ...none]],
  ['halves, ended where they end', { from: 'field', name: 'age', missing: -1e9 }, 'float16', [], [25, -65_504]],
])('%s', (_, source, type, dims, data, events) => {
  const tensor = tensorOf(source, type, dims, events)
  expect(tensor.type).toBe(type)
  expect(tensor.dims).toEqual([2, ...dims])
  for (const [i, value] of data.entries()) expect(tensor.data[i]).toBeCloseTo(value, 3)
  expect(tensor.data).toHaveLength(data.length)
})

test('all channels are those of the schema, event by event', () => {
  const { data, dims } = tensorOf({ from: 'event-channels' }, 'float32', [4, 3])
  expect(dims).toEqual([2, 4, 3])
  expect(data.slice(0, 9)).toEqual(Array.from(batch.sequence!.channels.subarray(0, 9)))
  expect(data.slice(9).every((value) => value === 0)).toBe(true)
})

test.each<[string, object, ElementType, RegExp]>([
  ['ids as halves', { from: 'event-items' }, 'float16', /input "x": is float16, and the map gives it ids/],
  ['seconds as halves', { from: 'event-age' }, 'float16', /input "x": is float16, which ends at 65,504.*"d"/],
  ['hours as bools', { from: 'calendar', name: 'hour' }, 'bool', /input "x": is bool/],
  ['a part of the calendar that there is not', { from: 'calendar', name: 'month' }, 'int64', /input "x": \/name/],
])('%s are refused', (_, source, type, message) => {
  expect(() => tensorOf(source, type, [4])).toThrow(message)
})

test('a calendar that the schema does not have is refused with what to add', () => {
  const refused = (from: string, message: RegExp) => {
    const json = { version: 1, embeddings: { count: 1, width: 4 }, inputs: { x: { from, name: 'hour' } } }
    const inputs = [{ name: 'x', type: 'int64' as const, dims: ['rows'] }]
    const facts = { inputs, outputs: [], opset: 17, producer: '', dataFiles: new Map() }
    expect(() => bindInputs('model.onnx', facts, parseInputMap(json, 'map.json'), keys, shopSchema)).toThrow(message)
  }
  refused('calendar', /input "x": the user has no hour; add "userCalendar": \["hour"\]/)
  refused('event-calendar', /input "x": events have no hour; add "calendar": \["hour"\] to the schema's "sequence"/)
})

test('keys that share a hash with others are refused where they are many', () => {
  const crowded = new Map(keys).set(
    'tags',
    Array.from({ length: 5000 }, (_, i) => `tag-${i}`),
  )
  const map = parseInputMap(
    {
      ...{ version: 1, embeddings: { count: 1, width: 4 }, vocabularies: { tags: { file: 'a' } } },
      inputs: { x: { from: 'ids', name: 'tags', vocabulary: 'tags' } },
    },
    'map.json',
  )
  const inputs = [{ name: 'x', type: 'int64' as const, dims: ['rows', 3] }]
  const facts = { inputs, outputs: [], opset: 17, producer: '', dataFiles: new Map() }
  expect(() => bindInputs('model.onnx', facts, map, crowded, shopSchema)).toThrow(
    /input "x": \d+ of the vocabulary's 5000 keys share a hash.*"tags" over 65536/,
  )
})
