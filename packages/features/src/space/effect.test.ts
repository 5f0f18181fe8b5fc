import { describe, expect, it } from 'vitest'
import type { LogEvent } from '../events/event.ts'
import type { Aggregation, Schema } from '../schema/schema.ts'
import { fullSchema, randomLog, randomNumbers } from '../testing/random-log.ts'
import { compileFeatures } from './feature-space.ts'

const msPerDay = 86_400_000

const effects: Aggregation[] = [
  { name: 'user', of: 'user', kind: 'effect', value: 'rating', shrinkage: 2, halfLifeDays: 3, halfLifeEvents: 6 },
  { name: 'genre', of: 'user', kind: 'effect', value: 'rating', by: 'genres', shrinkage: 5, halfLifeEvents: 20 },
  { name: 'topic', of: 'user', kind: 'effect', value: 'rating', by: 'topics', shrinkage: 9 },
  { name: 'item', of: 'item', kind: 'effect', value: 'rating', shrinkage: 4, prior: 5.5, halfLifeDays: 8 },
  { name: 'liked', of: 'user', kind: 'effect', value: 'rating', atLeast: 7 },
  { name: 'item-liked', of: 'item', kind: 'effect', value: 'rating', atLeast: 7, prior: 0.4 },
]
const schemaOf = (aggregations: readonly Aggregation[]): Schema => ({
  ...fullSchema(),
  aggregations: aggregations.map((own) => ({ ...own, name: `${own.name}-effect` })),
})

const statesOf = (space: ReturnType<typeof compileFeatures>) => {
  const [users, items] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()]
  const held = (states: Map<string, Uint8Array>, key: string, fresh: () => Uint8Array) =>
    states.get(key) ?? states.set(key, fresh()).get(key)!
  return {
    user: (key: string) => held(users, key, () => space.newUserState()),
    item: (key: string) => held(items, key, () => space.newItemState()),
  }
}

/** x with A x = b, by elimination. */
function solve(a: number[][], b: number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]])
  for (let i = 0; i < rows.length; i++)
    for (let r = 0; r < rows.length; r++) {
      if (r === i) continue
      const factor = rows[r][i] / rows[i][i]
      for (let c = i; c <= rows.length; c++) rows[r][c] -= factor * rows[i][c]
    }
  return rows.map((row, i) => row[rows.length] / row[i])
}

it('is the posterior of a Gaussian process where every item is new', () => {
  const space = compileFeatures(schemaOf([effects[0], effects[3]]))
  const [user] = [space.newUserState()]
  const random = randomNumbers(5)
  const batch = space.allocate('user', 1)
  const past: { days: number; y: number }[] = []
  let days = 20_000
  for (let row = 0; row < 14; row++) {
    days += random() < 0.3 ? 0 : random() * 4
    const nowDays = days + random()
    space.encodeUser(batch, 0, user, nowDays * msPerDay)
    // Covariance of the user's effect at two of their events; as of now no further event has come.
    const covariance = (i: number, j: number) => {
      const apart = Math.abs((past[i]?.days ?? nowDays) - (past[j]?.days ?? nowDays)) / 3
      const between = Math.abs(Math.min(i, row - 1) - Math.min(j, row - 1)) / 6
      return 2 ** -(apart + between) / 2
    }
    const noise = 1 + 1 / 4
    const a = past.map((_, i) => past.map((__, j) => covariance(i, j) + (i === j ? noise : 0)))
    const own = past.map((_, i) => covariance(row, i))
    const weights = row === 0 ? [] : solve(a, own)
    const mean = weights.reduce((sum, weight, i) => sum + weight * (past[i].y - 5.5), 0)
    const variance = 1 / 2 - weights.reduce((sum, weight, i) => sum + weight * own[i], 0)
    expect(batch.dense[1]).toBeCloseTo(mean, 5)
    expect(batch.dense[2]).toBeCloseTo(Math.sqrt(variance * 2), 5)
    const y = 1 + Math.floor(random() * 10)
    const event: LogEvent = { row, user: 'u', item: `i${row}`, timeMs: days * msPerDay, values: [y] }
    const values = space.schema.fields.map((_, i) => (i === 0 ? y : null))
    space.update(user, space.newItemState(), { ...event, values })
    past.push({ days, y })
  }
})

interface Belief {
  mean: number
  variance: number
}

/** The whole filter in plain variances, from all events up to now. */
class NaiveEffects {
  readonly #schema: Schema
  readonly #beliefs = new Map<string, Belief>()
  readonly #newest = new Map<string, number>()

  constructor(schema: Schema) {
    this.#schema = schema
  }

  #slots({ by }: Aggregation, event: LogEvent | null): Map<string, number> {
    if (by === undefined) return new Map([['', 1]])
    const place = this.#schema.fields.findIndex(({ name }) => name === by)
    const { values = [], size = 0, maxValues } = this.#schema.fields[place]
    const names = size > 0 ? Array.from({ length: size }, (_, i) => String(i)) : [...values, '*']
    if (event === null) return new Map(names.map((name) => [name, 0]))
    const value = event.values[place]
    const found = new Map<string, number>()
    if (value instanceof Float32Array) for (const [i, weight] of value.entries()) found.set(String(i), weight)
    else if (Array.isArray(value))
      for (const name of value.slice(0, maxValues)) found.set(values.includes(name) ? name : '*', 1)
    const total = [...found.values()].reduce((sum, weight) => sum + weight, 0)
    return new Map([...found].filter(([, weight]) => weight > 0).map(([name, weight]) => [name, weight / total]))
  }

  #belief(effect: Aggregation, owner: string, slot: string): Belief {
    const key = JSON.stringify([effect.name, owner, slot])
    const prior = { mean: 0, variance: 1 / (effect.shrinkage ?? 3) }
    return this.#beliefs.get(key) ?? this.#beliefs.set(key, prior).get(key)!
  }

  #left(effect: Aggregation, key: string, timeMs: number, events: number): number {
    const days = Math.max(0, timeMs - (this.#newest.get(key) ?? timeMs)) / msPerDay
    return 2 ** -(days / (effect.halfLifeDays ?? Infinity) + events / (effect.halfLifeEvents ?? Infinity))
  }

  columns(of: 'user' | 'item', owner: string, nowMs: number): number[] {
    return this.#schema.aggregations
      .filter((own) => own.of === of)
      .flatMap((effect) => {
        const left = this.#left(effect, `${of} ${owner}`, nowMs, 0)
        return [...this.#slots(effect, null).keys()].flatMap((slot) => {
          const { mean, variance } = this.#belief(effect, owner, slot)
          const prior = 1 / (effect.shrinkage ?? 3)
          const unknown = Math.sqrt((prior + left ** 2 * (variance - prior)) / prior)
          return effect.by === undefined ? [left * mean, unknown] : [left * mean]
        })
      })
  }

  ingest(event: LogEvent): void {
    const all = this.#schema.aggregations
    for (const item of all.filter(({ of }) => of === 'item')) {
      const model = all.filter(({ atLeast }) => atLeast === item.atLeast)
      for (const effect of model)
        for (const slot of this.#slots(effect, null).keys()) {
          const belief = this.#belief(effect, event[effect.of], slot)
          const left = this.#left(effect, `${effect.of} ${event[effect.of]}`, event.timeMs, 1)
          const prior = 1 / (effect.shrinkage ?? 3)
          belief.mean *= left
          belief.variance = prior + left ** 2 * (belief.variance - prior)
        }
      const rating = event.values[0] as number | null
      if (rating === null) continue
      const x = item.atLeast === undefined ? rating : Number(rating >= item.atLeast)
      const parts = model.flatMap((effect) =>
        [...this.#slots(effect, event)].map(([slot, share]) => {
          return { share, belief: this.#belief(effect, event[effect.of], slot) }
        }),
      )
      const surprise = parts.reduce((sum, { share, belief }) => sum - share * belief.mean, x - item.prior!)
      const variance = parts.reduce((sum, { share, belief }) => sum + share ** 2 * belief.variance, 1)
      for (const { share, belief } of parts) {
        const gain = (share * belief.variance) / variance
        belief.mean += gain * surprise
        belief.variance -= gain * share * belief.variance
      }
    }
    for (const of of ['user', 'item'] as const) {
      const key = `${of} ${event[of]}`
      this.#newest.set(key, Math.max(event.timeMs, this.#newest.get(key) ?? event.timeMs))
    }
  }
}

describe.each([
  { seed: 1, late: false },
  { seed: 2, late: true },
])('of users, items and categories together, seed $seed, late events $late', ({ seed, late }) => {
  it('equals the filter in plain float64', () => {
    const schema = schemaOf(effects)
    const space = compileFeatures(schema)
    const naive = new NaiveEffects(schema)
    const states = statesOf(space)
    const [user, item] = [space.allocate('user', 1), space.allocate('item', 1)]
    for (const [i, event] of randomLog(seed, 160, late).entries()) {
      const nowMs = event.timeMs + (i % 3) * 40_000_000
      space.encodeUser(user, 0, states.user(event.user), nowMs)
      space.encodeItem(item, 0, states.item(event.item), { ...event, timeMs: nowMs })
      for (const [of, { dense }] of [['user', user], ['item', item]] as const) // biome-ignore format: a pair a side
        for (const [c, value] of naive.columns(of, event[of], nowMs).entries())
          expect(dense[1 + c], `row ${i}, ${space[of].dense[1 + c]}`).toBeCloseTo(value, 5)
      space.update(states.user(event.user), states.item(event.item), event)
      naive.ingest(event)
    }
  })
})

it('frees the user’s effect of the items’, and the items’ of the users’', () => {
  const space = compileFeatures(schemaOf([effects[4], effects[5]]))
  const states = statesOf(space)
  const random = randomNumbers(7)
  // Half of the users like twice as much; they meet the better half of the items three times in four.
  const users = space.allocate('user', 1)
  for (let row = 0; row < 4000; row++) {
    const [u, better] = [Math.floor(random() * 40), random()]
    const item = better < (u < 20 ? 0.75 : 0.25) ? Math.floor(random() * 20) : 20 + Math.floor(random() * 20)
    const chance = 0.2 + (u < 20 ? 0.2 : 0) + (item < 20 ? 0.3 : 0)
    const values = space.schema.fields.map((_, i) => (i === 0 ? (random() < chance ? 9 : 2) : null))
    const event = { row, user: `u${u}`, item: `i${item}`, timeMs: 1e12 + row, values }
    space.update(states.user(event.user), states.item(event.item), event)
  }
  const meanOf = (from: number) => {
    let sum = 0
    for (let u = from; u < from + 20; u++) {
      space.encodeUser(users, 0, states.user(`u${u}`), 1e12 + 4000)
      sum += users.dense[1]
    }
    return sum / 20
  }
  // A plain mean of outcomes differs by .35 between the two halves.
  expect(meanOf(0) - meanOf(20)).toBeGreaterThan(0.15)
  expect(meanOf(0) - meanOf(20)).toBeLessThan(0.26)
})
