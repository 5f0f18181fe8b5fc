import type { FieldValue, LogEvent } from '../events/event.ts'
import type { Schema } from '../schema/schema.ts'

/** Uniform numbers in [0, 1) from a 32-bit seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** A schema that uses every owner, field type and aggregation kind, with awkward sizes. */
export function fullSchema(): Schema {
  return {
    version: 1,
    name: 'full',
    user: 'user',
    item: 'item',
    time: { column: 'time', unit: 'ms' },
    fields: [
      { name: 'rating', of: 'outcome', type: 'float' },
      { name: 'minutes', of: 'outcome', type: 'float' },
      { name: 'genres', of: 'item', type: 'ids', maxValues: 3, buckets: 17, values: ['drama', 'comedy', 'short'] },
      { name: 'topics', of: 'item', type: 'vector', size: 5 },
      { name: 'year', of: 'item', type: 'float', center: 2000, scale: 10 },
      { name: 'device', of: 'context', type: 'id', buckets: 7 },
      { name: 'age', of: 'user', type: 'float', center: 40, scale: 20 },
      { name: 'tags', of: 'user', type: 'ids', maxValues: 2, buckets: 11 },
      { name: 'taste', of: 'user', type: 'vector', size: 3, scale: 0.5 },
      { name: 'action', of: 'outcome', type: 'id', buckets: 5 },
      { name: 'bought', of: 'outcome', type: 'float' },
      { name: 'worth', of: 'outcome', type: 'float' },
    ],
    tasks: [
      { name: 'liked', field: 'rating', atLeast: 7 },
      { name: 'loved', field: 'rating', atLeast: 9, weightBy: 'worth' },
      { name: 'bought', field: 'bought', atLeast: 1, weight: 0.5, weightBy: 'bought', delayDays: 7 },
    ],
    // A residual stands before its baseline on purpose.
    aggregations: [
      { name: 'residual', of: 'user', kind: 'residual', value: 'rating', shrinkage: 3 },
      { name: 'genre-residual', of: 'user', kind: 'residual', value: 'rating', by: 'genres', halfLifeDays: 3 },
      { name: 'topic-residual', of: 'user', kind: 'residual', value: 'rating', by: 'topics', shrinkage: 1.5 },
      { name: 'events', of: 'user', kind: 'count' },
      { name: 'genre-count', of: 'user', kind: 'count', by: 'genres', halfLifeDays: 0.5 },
      { name: 'mean', of: 'user', kind: 'mean', value: 'minutes', prior: 12, shrinkage: 0.5, halfLifeDays: 2 },
      { name: 'topic-mean', of: 'user', kind: 'mean', value: 'rating', prior: 6, by: 'topics' },
      { name: 'genre-share', of: 'user', kind: 'share', by: 'genres' },
      { name: 'topic-share', of: 'user', kind: 'share', by: 'topics', halfLifeDays: 1 },
      { name: 'recent', of: 'user', kind: 'sum', halfLifeDays: 0.25 },
      { name: 'minutes-sum', of: 'user', kind: 'sum', value: 'minutes', by: 'genres', halfLifeDays: 4 },
      { name: 'idle', of: 'user', kind: 'since' },
      { name: 'item-mean', of: 'item', kind: 'mean', value: 'rating', prior: 6.5, shrinkage: 3, halfLifeDays: 6 },
      { name: 'item-events', of: 'item', kind: 'count' },
      { name: 'item-minutes', of: 'item', kind: 'sum', value: 'minutes', halfLifeDays: 1 },
      { name: 'item-idle', of: 'item', kind: 'since' },
      { name: 'liked-residual', of: 'user', kind: 'residual', value: 'rating', atLeast: 7, halfLifeDays: 5 },
      { name: 'genre-liked', of: 'user', kind: 'mean', value: 'rating', atLeast: 7, by: 'genres', prior: 0.4 },
      { name: 'long', of: 'user', kind: 'sum', value: 'minutes', atLeast: -2.5, halfLifeDays: 1 },
      { name: 'item-liked', of: 'item', kind: 'mean', value: 'rating', atLeast: 7, prior: 0.4, shrinkage: 2 },
    ],
    sequence: {
      length: 4,
      value: 'rating',
      buckets: 23,
      center: 6,
      scale: 2,
      categories: ['action', 'device'],
      halfLivesDays: [0.5, 3],
    },
    itemBuckets: 29,
    calendar: ['weekday', 'hour'],
  }
}

/** A seeded log of `fullSchema`, with ties in time, missing values, empty lists and, where asked, late events. */
export function randomLog(seed: number, rows: number, withLateEvents = false): LogEvent[] {
  const random = randomNumbers(seed)
  const below = (n: number) => Math.floor(random() * n)
  const maybe = (value: FieldValue, missing = 0.15): FieldValue => (random() < missing ? null : value)
  const genres = ['drama', 'comedy', 'short', 'western', 'müsli', 'drama']
  const vector = (size: number) => Float32Array.from({ length: size }, () => (random() < 0.3 ? 0 : random() * 2))
  let timeMs = Date.UTC(2024, 1, 28, 22)
  return Array.from({ length: rows }, (_, row) => {
    if (random() < 0.6) timeMs += below(random() < 0.1 ? 3 * 86_400_000 : 3_600_000)
    const late = withLateEvents && random() < 0.2 ? below(5 * 86_400_000) : 0
    return {
      row,
      user: `u${below(6)}`,
      item: `i${below(8)}`,
      timeMs: timeMs - late,
      values: [
        maybe(1 + below(10), 0.05),
        maybe(below(40) - 8),
        maybe(Array.from({ length: below(6) }, () => genres[below(genres.length)])),
        maybe(vector(5)),
        maybe(1980 + below(40)),
        maybe(['phone', 'desk', 'tv'][below(3)]),
        maybe(20 + random() * 50),
        maybe(Array.from({ length: below(4) }, () => `t${below(9)}`)),
        maybe(vector(3)),
        maybe(['view', 'tap', 'share', 'ørret'][below(4)]),
        maybe(below(3), 0.4),
        maybe(random() * 4),
      ],
    }
  })
}
