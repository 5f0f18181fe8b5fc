import { describe, expect, it } from 'vitest'
import type { SideBatch } from '../batch/batch.ts'
import { BatchError } from '../batch/side-batch.ts'
import { bucketOf } from '../events/bucket.ts'
import type { LogEvent } from '../events/event.ts'
import { EventError } from '../events/event-values.ts'
import type { Aggregation, Schema } from '../schema/schema.ts'
import { SchemaError } from '../schema/schema-error.ts'
import { fullSchema, randomLog } from '../testing/random-log.ts'
import { compileFeatures } from './feature-space.ts'
import { StateError } from './state-image.ts'

const msPerDay = 86_400_000

/** The full schema with statistics that decay by event, and by event and day. An item mean is the baseline of residuals. */
function withEventDecays(): Schema {
  const schema = fullSchema()
  const byEvent: Aggregation[] = [
    { name: 'count-3', of: 'user', kind: 'count', halfLifeEvents: 3 },
    { name: 'mean-half', of: 'user', kind: 'mean', value: 'rating', prior: 6, halfLifeEvents: 0.5 },
    { name: 'residual-10', of: 'user', kind: 'residual', value: 'rating', by: 'genres', halfLifeEvents: 9.55 },
    { name: 'share-2', of: 'user', kind: 'share', by: 'topics', halfLifeEvents: 2 },
    { name: 'sum-both', of: 'user', kind: 'sum', value: 'minutes', halfLifeEvents: 4, halfLifeDays: 1 },
    { name: 'item-5', of: 'item', kind: 'mean', value: 'minutes', prior: 10, halfLifeEvents: 5, halfLifeDays: 2 },
    { name: 'minutes-residual', of: 'user', kind: 'residual', value: 'minutes', halfLifeEvents: 2 },
  ]
  return { ...schema, aggregations: [...schema.aggregations, ...byEvent] }
}

/** A past event as the naive computation sees it: late ones moved to the newest time before them. */
interface Past {
  readonly event: LogEvent
  readonly timeMs: number
}

function withoutLateness(history: readonly LogEvent[]): Past[] {
  let newest = Number.NEGATIVE_INFINITY
  return history.map((event) => {
    newest = Math.max(newest, event.timeMs)
    return { event, timeMs: newest }
  })
}

/** Every aggregation's columns from the whole history, by definition, in float64. */
class NaiveFeatures {
  readonly #schema: Schema

  constructor(schema: Schema) {
    this.#schema = schema
  }

  columns(side: 'user' | 'item', ingested: readonly LogEvent[], key: string, nowMs: number): number[] {
    const history = ingested.filter((event) => event[side] === key)
    const aggregations = this.#schema.aggregations.filter(({ of }) => of === side)
    return [history.length > 0 ? 1 : 0, ...aggregations.flatMap((a) => this.#aggregate(a, history, ingested, nowMs))]
  }

  #aggregate(a: Aggregation, history: readonly LogEvent[], ingested: readonly LogEvent[], nowMs: number): number[] {
    const past = withoutLateness(history)
    const asOf = past.length === 0 ? nowMs : Math.max(nowMs, past[past.length - 1].timeMs)
    if (a.kind === 'since') {
      return [past.length === 0 ? 0 : Math.log(1 + (asOf - past[past.length - 1].timeMs) / 1000) / 16]
    }
    const slots = this.#slots(a.by)
    const totals = Array.from({ length: slots }, () => ({ weight: 0, sum: 0 }))
    for (const { event, timeMs } of past) {
      let x = a.value === undefined ? 1 : (this.#value(event, a.value) as number | null)
      if (x === null) continue
      if (a.atLeast !== undefined) x = Number(x >= a.atLeast)
      if (a.kind === 'residual') x -= this.#itemMean(a, ingested.slice(0, ingested.indexOf(event)), event)
      const days = a.halfLifeDays === undefined ? 0 : (asOf - timeMs) / msPerDay / a.halfLifeDays
      const later = history.length - 1 - history.indexOf(event)
      const age = days + (a.halfLifeEvents === undefined ? 0 : later / a.halfLifeEvents)
      this.slotWeights(a.by, event).forEach((weight, slot) => {
        totals[slot].weight += weight * 0.5 ** age
        totals[slot].sum += weight * x * 0.5 ** age
      })
    }
    const { shrinkage = 3, prior = 0 } = a
    const allWeight = totals.reduce((sum, { weight }) => sum + weight, 0)
    return totals.map(({ weight, sum }) => {
      if (a.kind === 'count') return Math.log(1 + weight)
      if (a.kind === 'sum') return Math.sign(sum) * Math.log(1 + Math.abs(sum))
      if (a.kind === 'share') return allWeight === 0 ? 0 : weight / allWeight
      return (sum + shrinkage * prior) / (weight + shrinkage) - prior
    })
  }

  /** The item's mean just before an event, given all that was ingested before it. */
  #itemMean(residual: Aggregation, before: readonly LogEvent[], event: LogEvent): number {
    const mean = this.#schema.aggregations.find(
      ({ of, kind, value, atLeast }) =>
        of === 'item' && kind === 'mean' && value === residual.value && atLeast === residual.atLeast,
    ) as Aggregation
    const history = before.filter(({ item }) => item === event.item)
    return this.#aggregate(mean, history, before, event.timeMs)[0] + (mean.prior ?? 0)
  }

  #value(event: LogEvent, name: string): unknown {
    return event.values[this.#schema.fields.findIndex((field) => field.name === name)]
  }

  #slots(by: string | undefined): number {
    const field = this.#schema.fields.find(({ name }) => name === by)
    return field === undefined ? 1 : (field.size ?? (field.values?.length as number) + 1)
  }

  slotWeights(by: string | undefined, event: LogEvent): number[] {
    if (by === undefined) return [1]
    const field = this.#schema.fields.find(({ name }) => name === by)
    const value = this.#value(event, by) as Float32Array | string[] | null
    if (field?.type === 'vector') return [...((value as Float32Array) ?? new Float32Array(field.size as number))]
    const listed = field?.values as string[]
    const has = (value as string[] | null)?.slice(0, field?.maxValues) ?? []
    return [...listed.map((name) => (has.includes(name) ? 1 : 0)), has.some((name) => !listed.includes(name)) ? 1 : 0]
  }
}

function expectClose(actual: readonly number[], expected: readonly number[], names: readonly string[], at: string) {
  expected.forEach((value, i) => {
    const error = Math.abs(actual[i] - value)
    expect(error, `${at}, ${names[i]}: ${actual[i]} instead of ${value}`).toBeLessThan(
      1e-6 * Math.max(1, Math.abs(value)),
    )
  })
}

/** States by key over one space, as a service would hold them. */
function statesOf(space: ReturnType<typeof compileFeatures>) {
  const users = new Map<string, Uint8Array>()
  const items = new Map<string, Uint8Array>()
  return {
    user: (key: string) => users.get(key) ?? users.set(key, space.newUserState()).get(key)!,
    item: (key: string) => items.get(key) ?? items.set(key, space.newItemState()).get(key)!,
  }
}

const row0 = (batch: SideBatch) => [...batch.dense.subarray(0, batch.dense.length / batch.rows)]

describe.each([
  { seed: 1, late: false },
  { seed: 2, late: false },
  { seed: 3, late: true },
  { seed: 4, late: true },
])('against the whole history, seed $seed, late events $late', ({ seed, late }) => {
  const schema = withEventDecays()
  const space = compileFeatures(schema)
  const naive = new NaiveFeatures(schema)
  const log = randomLog(seed, 160, late)

  it('computes every aggregation of both sides', () => {
    const states = statesOf(space)
    const user = space.allocate('user', 1)
    const item = space.allocate('item', 1)
    log.forEach((event, i) => {
      // Reads lie between events too, here before the next event's time and up to days after it.
      const nowMs = event.timeMs + (i % 3) * 40_000_000
      space.encodeUser(user, 0, states.user(event.user), nowMs)
      space.encodeItem(item, 0, states.item(event.item), { ...event, timeMs: nowMs })
      const past = log.slice(0, i)
      const [users, items] = [
        naive.columns('user', past, event.user, nowMs),
        naive.columns('item', past, event.item, nowMs),
      ]
      expectClose(row0(user), users, space.user.dense, `row ${i}, user`)
      expectClose(row0(item), items, space.item.dense, `row ${i}, item`)
      space.update(states.user(event.user), states.item(event.item), event)
    })
  })

  it('crosses what it says of slots with the slots of an item', () => {
    const states = statesOf(space)
    const user = space.allocate('user', 2)
    const crossed = schema.aggregations.filter(({ of, by }) => of === 'user' && by !== undefined)
    expect(new Set(crossed.map(({ by }) => by))).toEqual(new Set(['genres', 'topics']))
    log.forEach((event, i) => {
      space.encodeUser(user, 1, states.user(event.user), event.timeMs)
      const columns = naive.columns('user', log.slice(0, i), event.user, event.timeMs)
      for (const { name, by } of crossed) {
        const own = space.user.dense.map((column, at) => (column.startsWith(`${name}[`) ? columns[at] : null))
        const values = own.filter((value) => value !== null)
        const weights = naive.slotWeights(by, event)
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const mean = total === 0 ? 0 : values.reduce((sum, value, s) => sum + weights[s] * value, 0) / total
        expectClose([space.crossed(user, 1, name, event)], [mean], [name], `row ${i}`)
      }
      space.update(states.user(event.user), states.item(event.item), event)
    })
    expect(() => space.crossed(user, 1, 'events', log[0])).toThrow(/"events" has a "by"; .*genre-residual/)
    expect(() => space.crossed(user, 2, 'genre-share', log[0])).toThrow(BatchError)
  })

  it('keeps the last events in the order of arrival', () => {
    const states = statesOf(space)
    const batch = space.allocate('user', 3)
    const row = 1
    const { ids, channels, lengths, categories } = batch.sequence!
    log.forEach((event, i) => {
      space.encodeUser(batch, row, states.user(event.user), event.timeMs)
      const last = log
        .slice(0, i)
        .filter(({ user }) => user === event.user)
        .slice(-4)
      const expectedIds = last.map(({ item }) => bucketOf('item', item, 23))
      expect(lengths[row]).toBe(last.length)
      expect([...ids.subarray(4, 8)]).toEqual([...expectedIds, 0, 0, 0, 0].slice(0, 4))
      const expected = last.flatMap((past) => {
        const value = past.values[0] as number | null
        const seconds = Math.max(0, event.timeMs - past.timeMs) / 1000
        const left = [0.5, 3].map((days) => 0.5 ** (seconds / (days * 86_400)))
        const scaled = value === null ? 0 : (value - 6) / 2
        const outcomes = left.map((share) => scaled * share)
        return [scaled, Math.log(1 + seconds) / 16, value === null ? 1 : 0, ...left, ...outcomes]
      })
      const actual = [...channels.subarray(28, 56)]
      expectClose(actual, [...expected, ...new Array(28).fill(0)].slice(0, 28), [], `row ${i}`)
      for (const [k, { name, at, buckets }] of [
        { name: 'action', at: 9, buckets: 5 },
        { name: 'device', at: 5, buckets: 7 },
      ].entries()) {
        const buckets4 = last.map((past) => bucketOf(name, past.values[at] as string | null, buckets))
        expect([...categories[k].subarray(4, 8)], `row ${i}, ${name}`).toEqual([...buckets4, 0, 0, 0, 0].slice(0, 4))
      }
      space.update(states.user(event.user), states.item(event.item), event)
    })
    for (const other of [0, 2]) expect([...ids.subarray(4 * other, 4 * other + 4)]).toEqual([0, 0, 0, 0])
  })
})

describe('fields', () => {
  const space = compileFeatures(fullSchema())
  const base = randomLog(1, 1)[0]
  const eventWith = (changes: Record<string, LogEvent['values'][number]>): LogEvent => ({
    ...base,
    values: space.schema.fields.map((field, i) => (field.name in changes ? changes[field.name] : base.values[i])),
  })
  const column = (side: 'user' | 'item', batch: SideBatch, name: string) => batch.dense[space[side].dense.indexOf(name)]
  const bag = (side: 'user' | 'item', batch: SideBatch, name: string) => {
    const { ids, lengths } = batch.bags[space[side].bags.findIndex((layout) => layout.name === name)]
    return { ids: [...ids], length: lengths[0] }
  }

  it('have columns and bags by side, no outcome among them', () => {
    expect(space.user.dense.slice(-6)).toEqual([
      'age',
      'age.missing',
      'taste[0]',
      'taste[1]',
      'taste[2]',
      'taste.missing',
    ])
    expect(space.user.dense.slice(0, 3)).toEqual(['known', 'residual', 'genre-residual[drama]'])
    expect(space.user.dense).toContain('genre-share[*]')
    expect(space.user.bags).toEqual([{ name: 'tags', buckets: 11, maxValues: 2 }])
    expect(space.user.sequence).toEqual({
      length: 4,
      buckets: 23,
      channels: 7,
      weights: 4,
      categories: [
        { name: 'action', buckets: 5 },
        { name: 'device', buckets: 7 },
      ],
    })
    expect(space.item.dense.slice(0, 6)).toEqual([
      'known',
      'item-mean',
      'item-events',
      'item-minutes',
      'item-idle',
      'item-liked',
    ])
    expect(space.item.bags.map(({ name }) => name)).toEqual(['item', 'weekday', 'hour', 'genres', 'device'])
    expect(space.item.bags[0].buckets).toBe(29)
    expect(space.item.sequence).toBeNull()
    for (const layout of [space.user, space.item]) {
      expect(new Set(layout.dense).size).toBe(layout.dense.length)
      expect(layout.dense).not.toContain('rating')
    }
  })

  it('of item and context come from the event', () => {
    const batch = space.allocate('item', 1)
    const event = eventWith({ year: 1995, genres: ['drama', 'noir', 'short', 'dropped'], device: 'tv', topics: null })
    space.encodeItem(batch, 0, space.newItemState(), event)
    expect(column('item', batch, 'year')).toBe(-0.5)
    expect(column('item', batch, 'year.missing')).toBe(0)
    expect(column('item', batch, 'topics.missing')).toBe(1)
    expect(column('item', batch, 'known')).toBe(0)
    const hashed = ['drama', 'noir', 'short'].map((value) => bucketOf('genres', value, 17))
    expect(bag('item', batch, 'genres')).toEqual({ ids: hashed, length: 3 })
    expect(bag('item', batch, 'device')).toEqual({ ids: [bucketOf('device', 'tv', 7)], length: 1 })
    expect(bag('item', batch, 'item')).toEqual({ ids: [bucketOf('item', base.item, 29)], length: 1 })
    expect(bag('item', batch, 'hour')).toEqual({ ids: [1 + new Date(base.timeMs).getUTCHours()], length: 1 })
    // A row written again keeps nothing of what was there.
    space.encodeItem(batch, 0, space.newItemState(), eventWith({ year: null, genres: [], device: null }))
    expect(column('item', batch, 'year')).toBe(0)
    expect(column('item', batch, 'year.missing')).toBe(1)
    expect(bag('item', batch, 'genres')).toEqual({ ids: [0, 0, 0], length: 1 })
    expect(bag('item', batch, 'device')).toEqual({ ids: [0], length: 1 })
  })

  it('of the user are the last known ones of their state', () => {
    const state = space.newUserState()
    const batch = space.allocate('user', 1)
    const read = () => {
      space.encodeUser(batch, 0, state, base.timeMs)
      return [column('user', batch, 'age'), column('user', batch, 'age.missing'), bag('user', batch, 'tags')]
    }
    const ingest = (event: LogEvent) => space.update(state, space.newItemState(), event)
    const tag = (name: string) => bucketOf('tags', name, 11)
    expect(read()).toEqual([0, 1, { ids: [0, 0], length: 1 }])
    ingest(eventWith({ age: 50, tags: ['a', 'b', 'c'] }))
    expect(read()).toEqual([0.5, 0, { ids: [tag('a'), tag('b')], length: 2 }])
    ingest(eventWith({ age: null, tags: ['c'] }))
    expect(read()).toEqual([0.5, 0, { ids: [tag('c'), 0], length: 1 }])
    ingest({ ...eventWith({ age: 20, tags: null }), timeMs: base.timeMs - 1 })
    expect(read()).toEqual([0.5, 0, { ids: [tag('c'), 0], length: 1 }])
    ingest(eventWith({ age: 20, tags: null }))
    expect(read()).toEqual([-1, 0, { ids: [tag('c'), 0], length: 1 }])
  })

  const bad: [string, Record<string, unknown>][] = [
    ['rating', { rating: Number.NaN }],
    ['rating', { rating: Number.POSITIVE_INFINITY }],
    ['rating', { rating: 1e31 }],
    ['rating', { rating: '7' }],
    ['rating', { rating: undefined }],
    ['topics', { topics: [1, 2, 3, 4, 5] }],
    ['topics', { topics: new Float32Array(4) }],
    ['topics', { topics: new Float32Array([0, 0, Number.NaN, 0, 0]) }],
    ['topics', { topics: new Float32Array([0, 0, -1, 0, 0]) }],
    ['genres', { genres: 'drama' }],
    ['genres', { genres: ['drama', 3] }],
    ['age', { age: Number.NEGATIVE_INFINITY }],
    ['tags', { tags: [null] }],
    ['action', { action: 3 }],
    ['worth', { worth: 'much' }],
  ]
  it.each(bad)('refuse a bad %s (%o) and leave the states as they were', (field, changes) => {
    const [user, item] = [space.newUserState(), space.newItemState()]
    space.update(user, item, base)
    const before = [user.slice(), item.slice()]
    const event = { ...eventWith(changes as Record<string, null>), row: 42 }
    expect(() => space.update(user, item, event)).toThrow(
      expect.objectContaining({ name: 'EventError', row: 42, field }),
    )
    expect([user, item]).toEqual(before)
  })

  it('refuse a bad time, key or number of values', () => {
    const update = (changes: object) => () =>
      space.update(space.newUserState(), space.newItemState(), { ...base, ...changes })
    expect(update({ timeMs: Number.NaN })).toThrow(EventError)
    expect(update({ timeMs: 1e16 })).toThrow(EventError)
    expect(update({ item: 7 })).toThrow(EventError)
    expect(update({ values: [] })).toThrow(EventError)
    expect(() => space.encodeUser(space.allocate('user', 1), 0, space.newUserState(), Number.NaN)).toThrow(EventError)
    const event = eventWith({ year: Number.NaN })
    expect(() => space.encodeItem(space.allocate('item', 1), 0, space.newItemState(), event)).toThrow(EventError)
  })

  it('stay finite at the largest magnitudes', () => {
    const [user, item] = [space.newUserState(), space.newItemState()]
    const huge = 1e30
    for (let n = 0; n < 20; n++) {
      const topics = new Float32Array(5).fill(9e29)
      const event = eventWith({ rating: huge, minutes: -huge, year: -huge, age: huge, topics, genres: ['drama'] })
      space.update(user, item, { ...event, timeMs: base.timeMs + n * 9e10 })
      const [users, items] = [space.allocate('user', 1), space.allocate('item', 1)]
      space.encodeUser(users, 0, user, 8.64e15)
      space.encodeItem(items, 0, item, { ...event, timeMs: 8.64e15 })
      const numbers = [...users.dense, ...items.dense, ...users.sequence!.channels]
      expect(numbers.filter((x) => !Number.isFinite(x))).toEqual([])
    }
  })
})

describe('states and batches', () => {
  const space = compileFeatures(fullSchema())
  const event = randomLog(5, 1)[0]

  it('tell their history', () => {
    const state = space.newUserState()
    expect(state.length).toBe(space.userStateBytes)
    expect(space.userHistory(state)).toEqual({ eventCount: 0, lastEventMs: null })
    space.update(state, space.newItemState(), event)
    space.update(state, space.newItemState(), { ...event, timeMs: event.timeMs - 5 })
    expect(space.userHistory(state)).toEqual({ eventCount: 2, lastEventMs: event.timeMs })
  })

  it('refuse states of another size, version, side or schema', () => {
    const encode = (state: Uint8Array) => () => space.encodeUser(space.allocate('user', 1), 0, state, 0)
    const state = space.newUserState()
    expect(encode(state)).not.toThrow()
    expect(encode(state.subarray(1))).toThrow(StateError)
    expect(encode(space.newItemState())).toThrow(StateError)
    expect(encode(new Uint8Array(state.length))).toThrow(/format version 0/)
    const otherSchema = fullSchema()
    const changed = { ...otherSchema, sequence: { ...otherSchema.sequence!, value: 'minutes' } }
    expect(encode(compileFeatures(changed).newUserState())).toThrow(/another schema/)
    const decayed = { ...otherSchema, sequence: { ...otherSchema.sequence!, halfLivesDays: [1] } }
    expect(encode(compileFeatures(decayed).newUserState())).not.toThrow()
    const retasked = { ...otherSchema, tasks: otherSchema.tasks.slice(1) }
    expect(encode(compileFeatures(retasked).newUserState())).not.toThrow()
    for (const categories of [['device', 'action'], ['action']]) {
      const recategorized = { ...otherSchema, sequence: { ...otherSchema.sequence!, categories } }
      expect(encode(compileFeatures(recategorized).newUserState())).toThrow(StateError)
    }
    const [residual, ...others] = otherSchema.aggregations
    const stateOf = (halfLifeEvents?: number) => {
      const own = halfLifeEvents === undefined ? residual : { ...residual, halfLifeEvents }
      return compileFeatures({ ...otherSchema, aggregations: [own, ...others] }).newUserState()
    }
    expect(encode(stateOf())).not.toThrow()
    expect(encode(stateOf(10))).toThrow(/another schema/)
    expect(() => space.update(state, state, event)).toThrow(expect.objectContaining({ side: 'item' }))
  })

  it('are what they were before sequences had categories and half-lives, where there are none', () => {
    const { categories: _, halfLivesDays: __, ...sequence } = fullSchema().sequence!
    const headerOf = (schema: Schema) => [...compileFeatures(schema).newUserState().subarray(0, 8)]
    const without = headerOf({ ...fullSchema(), sequence })
    // Version 1 and the fingerprint of this schema's user state in the last program that had neither.
    expect(without).toEqual([1, 0, 0, 0, 250, 247, 69, 56])
    expect(headerOf({ ...fullSchema(), sequence: { ...sequence, categories: [], halfLivesDays: [] } })).toEqual(without)
  })

  it('keep with an event what its outcome was over its item’s mean, where the sequence asks for it', () => {
    const full = fullSchema()
    const withResiduals = compileFeatures({ ...full, sequence: { ...full.sequence!, residual: true } })
    const { length, channels } = withResiduals.user.sequence!
    expect(channels).toBe(space.user.sequence!.channels + 1)
    expect(withResiduals.eventWords).toBe(space.eventWords + 1)
    const states = statesOf(withResiduals)
    const user = withResiduals.allocate('user', 1)
    const item = withResiduals.allocate('item', 1)
    const column = withResiduals.item.dense.indexOf('item-mean')
    const kept = new Map<string, number[]>()
    for (const event of randomLog(5, 60, true)) {
      const [userState, itemState] = [states.user(event.user), states.item(event.item)]
      withResiduals.encodeItem(item, 0, itemState, event)
      const rating = event.values[0] as number | null
      const own = kept.get(event.user) ?? []
      own.push(rating === null ? 0 : (rating - (item.dense[column] + 6.5)) / 2)
      kept.set(event.user, own)
      withResiduals.update(userState, itemState, event)
      withResiduals.encodeUser(user, 0, userState, event.timeMs)
      for (const [l, expected] of own.slice(-length).entries())
        expect(user.sequence!.channels[l * channels + 3]).toBeCloseTo(expected, 5)
      // A copy of the words encodes to the same.
      const from = Math.max(0, own.length - length)
      const words = new Uint32Array((own.length - from) * withResiduals.eventWords)
      withResiduals.copyEvents(userState, from, own.length, words)
      const parts = withResiduals.allocate('user', 1)
      withResiduals.encodeEvents(parts, 0, words, own.length - from, event.timeMs)
      expect(parts.sequence).toEqual(user.sequence)
    }
  })

  it('give events of the sequence, as long as they keep them, to be encoded without the state', () => {
    const { length } = space.user.sequence!
    const userState = space.newUserState()
    const itemState = space.newItemState()
    const log = randomLog(3 * length, 5).map((one, i) => ({ ...one, timeMs: event.timeMs + 1000 * i }))
    const words = new Uint32Array(length * space.eventWords)
    for (const [i, one] of log.entries()) {
      space.update(userState, itemState, one)
      const first = Math.max(0, i + 1 - length)
      space.copyEvents(userState, first, i + 1, words)
      const [whole, parts] = [space.allocate('user', 1), space.allocate('user', 1)]
      const nowMs = one.timeMs + 86_400_000
      space.encodeUser(whole, 0, userState, nowMs)
      space.encodeUserWithoutSequence(parts, 0, userState, nowMs)
      expect(parts.sequence).toEqual(space.allocate('user', 1).sequence)
      space.encodeEvents(parts, 0, words, i + 1 - first, nowMs)
      expect(parts).toEqual(whole)
    }
    const count = 3 * length
    for (const [from, to] of [
      [count - length - 1, count],
      [count - 1, count + 1],
      [count, count - 1],
    ])
      expect(() => space.copyEvents(userState, from, to, words)).toThrow(RangeError)
    expect(() => space.copyEvents(space.newUserState(), -1, 0, words)).toThrow(RangeError)
    const batch = space.allocate('user', 1)
    for (const wrong of [-1, length + 1, Number.NaN])
      expect(() => space.encodeEvents(batch, 0, words, wrong, 0)).toThrow(RangeError)
    expect(() => space.encodeEvents(batch, 0, words.subarray(1), length, 0)).toThrow(RangeError)
    expect(() => space.encodeEvents(batch, 0, words, length, Number.NaN)).toThrow(EventError)
    expect(() => space.encodeEvents(batch, 1, words, length, 0)).toThrow(BatchError)
  })

  it('give the hours and weekdays of users and events that a schema asks for later, as Date has them', () => {
    const sequence = { ...fullSchema().sequence!, calendar: ['weekday', 'hour'] as const }
    const asked = compileFeatures({ ...fullSchema(), sequence, userCalendar: ['hour', 'weekday'] })
    const { length } = sequence
    const [state, item] = [space.newUserState(), space.newItemState()]
    // A day and some hours apart, more of them than are kept.
    const log = randomLog(2 * length + 1, 8).map((one, i) => ({ ...one, timeMs: event.timeMs + i * 97_531_000 }))
    for (const one of log) space.update(state, item, one)
    const now = new Date(log.at(-1)!.timeMs + 12_345_678)
    const batch = asked.allocate('user', 1)
    asked.encodeUser(batch, 0, state, now.getTime())
    const bag = (name: string) => batch.bags[asked.user.bags.findIndex((own) => own.name === name)]
    expect([bag('hour'), bag('weekday')].map(({ ids, lengths }) => [ids[0], lengths[0]])).toEqual([
      [1 + now.getUTCHours(), 1],
      [1 + now.getUTCDay(), 1],
    ])
    const dates = log.slice(-length).map(({ timeMs }) => new Date(timeMs))
    const of = (name: string) => {
      const at = asked.user.sequence!.categories.findIndex((own) => own.name === name)
      return [...batch.sequence!.categories[at]]
    }
    expect(of('weekday')).toEqual(dates.map((date) => 1 + date.getUTCDay()))
    expect(of('hour')).toEqual(dates.map((date) => 1 + date.getUTCHours()))
    const plain = space.allocate('user', 1)
    space.encodeUser(plain, 0, state, now.getTime())
    expect([batch.dense, batch.sequence!.ids]).toEqual([plain.dense, plain.sequence!.ids])
  })

  it('refuse rows outside a batch and batches of the other side', () => {
    expect(() => space.allocate('user', 0)).toThrow(BatchError)
    const batch = space.allocate('user', 2)
    for (const row of [-1, 2, 0.5]) {
      expect(() => space.encodeUser(batch, row, space.newUserState(), 0)).toThrow(BatchError)
    }
    expect(() => space.encodeItem(batch, 0, space.newItemState(), event)).toThrow(BatchError)
    const { sequence } = space.schema
    const other = compileFeatures({ ...space.schema, sequence: { ...sequence!, categories: ['action'] } })
    expect(() => space.encodeUser(other.allocate('user', 2), 0, space.newUserState(), 0)).toThrow(BatchError)
  })

  it('refuse a schema whose states would be huge', () => {
    const schema = fullSchema()
    const fields = schema.fields.map((field) => (field.name === 'topics' ? { ...field, size: 4096 } : field))
    const many = Array.from({ length: 20 }, (_, i): Aggregation => {
      return { name: `a${i}`, of: 'user', kind: 'mean', value: 'rating', by: 'topics' }
    })
    expect(() => compileFeatures({ ...schema, fields, aggregations: [...schema.aggregations, ...many] })).toThrow(
      SchemaError,
    )
  })
})
