import { expect, it } from 'vitest'
import {
  bucketOf,
  compileFeatures,
  EventError,
  type FieldValue,
  type LogEvent,
  type Schema,
  type SideBatch,
} from '../index.ts'

const schema: Schema = {
  version: 1,
  name: 'put',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [
    { name: 'rating', of: 'outcome', type: 'float' },
    { name: 'age', of: 'user', type: 'float' },
    { name: 'taste', of: 'user', type: 'vector', size: 2 },
    { name: 'plan', of: 'user', type: 'id', buckets: 97 },
    { name: 'tags', of: 'user', type: 'ids', maxValues: 2, buckets: 97 },
    { name: 'year', of: 'item', type: 'float' },
  ],
  tasks: [{ name: 'good', field: 'rating', atLeast: 8 }],
  aggregations: [{ name: 'count', of: 'user', kind: 'count' }],
  sequence: { length: 2, value: 'rating', buckets: 64 },
}
const space = compileFeatures(schema)
const batch = space.allocate('user', 1)

interface Profile {
  readonly age: number | null
  readonly plan: string | null
}

/** Age and bucket of the plan, as rows show them. */
function read(state: Uint8Array): [number | null, number] {
  space.encodeUser(batch, 0, state, 1e12)
  const column = (name: string) => batch.dense[space.user.dense.indexOf(name)]
  return [column('age.missing') === 1 ? null : column('age'), bagOf(batch, 'plan')[0]]
}
const bagOf = (rows: SideBatch, name: string) => [
  ...rows.bags[space.user.bags.findIndex((bag) => bag.name === name)].ids,
]
const bucket = (plan: string | null) => (plan === null ? 0 : bucketOf('plan', plan, 97))
const eventOf = (timeMs: number, { age, plan }: Profile): LogEvent => {
  return { row: 0, user: 'u', item: 'i', timeMs, values: [7, age, null, plan, null, null] }
}
const ingest = (state: Uint8Array, timeMs: number, profile: Profile) =>
  space.update(state, space.newItemState(), eventOf(timeMs, profile))

it('sets fields of a user without an event, and only those that are given', () => {
  const state = space.newUserState()
  space.putFields(state, { age: 40, tags: ['a', 'b'], taste: Float32Array.of(1, 2) }, 100)
  expect(read(state)).toEqual([40, 0])
  expect(bagOf(batch, 'tags')).toEqual([bucketOf('tags', 'a', 97), bucketOf('tags', 'b', 97)])
  expect([...batch.dense.subarray(space.user.dense.indexOf('taste[0]'))].slice(0, 3)).toEqual([1, 2, 0])
  space.putFields(state, { plan: 'gold', age: null }, 101)
  expect(read(state)).toEqual([40, bucket('gold')])
  expect(space.userHistory(state)).toEqual({ eventCount: 0, lastEventMs: null })
})

it('lets the newest value of a field stand, in whatever order values come', () => {
  const state = space.newUserState()
  space.putFields(state, { age: 50 }, 100)
  ingest(state, 90, { age: 20, plan: 'free' })
  // The event is older than the age, not than the plan, which nothing newer is known of.
  expect(read(state)).toEqual([50, bucket('free')])
  space.putFields(state, { age: 30, plan: 'gold' }, 95)
  expect(read(state)).toEqual([50, bucket('gold')])
  ingest(state, 110, { age: 60, plan: null })
  expect(read(state)).toEqual([60, bucket('gold')])
  space.putFields(state, { age: 10, plan: 'blue' }, 105)
  expect(read(state)).toEqual([60, bucket('blue')])
})

it('tells the time of the newest that a state knows', () => {
  const state = space.newUserState()
  expect(space.newestMs(state)).toBeNull()
  space.putFields(state, { age: 50 }, 100)
  expect(space.newestMs(state)).toBe(100)
  ingest(state, 90, { age: null, plan: null })
  expect(space.newestMs(state)).toBe(100)
  ingest(state, 120, { age: null, plan: null })
  expect(space.newestMs(state)).toBe(120)
})

it('counts an empty list as a value', () => {
  const state = space.newUserState()
  space.putFields(state, { tags: [] }, -5)
  space.putFields(state, { tags: ['a'] }, -6)
  space.encodeUser(batch, 0, state, 0)
  expect(bagOf(batch, 'tags')).toEqual([0, 0])
})

it.each([
  ['age', { age: 'old' }],
  ['age', { age: Number.NaN }],
  ['plan', { plan: 7 }],
  ['tags', { tags: 'a' }],
  ['taste', { taste: new Float32Array(3) }],
  ['year', { year: 1990 }],
  ['shoe', { shoe: 44 }],
  ['constructor', { constructor: 1 }],
])('refuses a bad %s and leaves the state as it was', (field, values) => {
  const state = space.newUserState()
  space.putFields(state, { age: 40, plan: 'gold' }, 100)
  const before = state.slice()
  const put = (atMs: number) => () =>
    space.putFields(state, { tags: ['new'], ...values } as unknown as Record<string, FieldValue>, atMs)
  // An older value is passed over, but not unchecked.
  for (const atMs of [200, 50]) expect(put(atMs)).toThrow(expect.objectContaining({ name: 'EventError', field }))
  expect(() => space.putFields(state, {}, Number.NaN)).toThrow(EventError)
  expect(state).toEqual(before)
})

it('reads states from before fields had times, whose fields are as new as their newest event', () => {
  const state = space.newUserState()
  ingest(state, 100, { age: 20, plan: 'free' })
  // Such a state lacked the four times, which are doubles before the words: of four fields 1 + 3 + 2 + 3, and of the ring 4.
  const wordsAt = state.length - 4 * 13
  const old = new Uint8Array(state.length - 32)
  old.set(state.subarray(0, wordsAt - 32))
  old.set(state.subarray(wordsAt), wordsAt - 32)
  expect(read(old)).toEqual([20, bucket('free')])
  const current = space.currentUserState(old)
  space.putFields(current, { age: 30 }, 99)
  expect(read(current)).toEqual([20, bucket('free')])
  space.putFields(current, { age: 30 }, 100)
  expect(read(current)).toEqual([30, bucket('free')])
})
