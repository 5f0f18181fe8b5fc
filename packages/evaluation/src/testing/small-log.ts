/** A log of a few users with hidden tastes, made for tests: many equal times, every kind of feature. */
import type { Log } from '@headwater/datasets'
import type { LogEvent, Schema } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'

export const minuteMs = 60_000

const startMs = Date.UTC(2024, 0, 1)
const genres = ['a', 'b', 'c'] as const
const userCount = 40
const itemCount = 30

export const smallSchema: Schema = {
  version: 1,
  name: 'small',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [
    { name: 'genre', of: 'item', type: 'ids', buckets: 8, values: genres },
    { name: 'age', of: 'user', type: 'float', center: 40, scale: 20 },
    { name: 'device', of: 'context', type: 'id', buckets: 8 },
    { name: 'stars', of: 'outcome', type: 'float' },
  ],
  tasks: [
    { name: 'liked', field: 'stars', atLeast: 4 },
    { name: 'loved', field: 'stars', atLeast: 5, weight: 0.5 },
  ],
  aggregations: [
    { name: 'item-mean', of: 'item', kind: 'mean', value: 'stars', prior: 3 },
    { name: 'item-count', of: 'item', kind: 'count' },
    { name: 'user-count', of: 'user', kind: 'count' },
    { name: 'residual', of: 'user', kind: 'residual', value: 'stars' },
    { name: 'residual-by-genre', of: 'user', kind: 'residual', value: 'stars', by: 'genre' },
    { name: 'genres', of: 'user', kind: 'share', by: 'genre' },
    { name: 'recent', of: 'user', kind: 'sum', value: 'stars', halfLifeDays: 0.02 },
    { name: 'since', of: 'user', kind: 'since' },
  ],
  sequence: { length: 4, value: 'stars', buckets: 64, center: 3 },
  itemBuckets: 64,
  userBuckets: 128,
  calendar: ['hour'],
}

/**
 * Events in time order: a group of one to four a minute or two. A user likes one genre and not the others; half of the
 * users come one by one as the log goes on.
 */
export function smallEvents(rows: number, seed: number): LogEvent[] {
  const random = seededRandom(seed)
  const tastes = Array.from({ length: userCount }, () => random.nextBelow(genres.length))
  const events: LogEvent[] = []
  for (let timeMs = startMs; events.length < rows; timeMs += (1 + random.nextBelow(2)) * minuteMs) {
    const group = Math.min(1 + random.nextBelow(4), rows - events.length)
    for (let i = 0; i < group; i++) {
      // Low numbers are drawn more often, so that users have few events and many.
      const user = Math.floor(random.nextFloat() ** 2 * userCount * (0.5 + events.length / rows / 2))
      const item = random.nextBelow(itemCount)
      const stars = Math.min(5, 1 + random.nextBelow(3) + (tastes[user] === item % genres.length ? 2 : 0))
      events.push({
        row: events.length,
        user: `u${user}`,
        item: `i${item}`,
        timeMs,
        values: [[genres[item % genres.length]], 20 + (user % 50), `d${random.nextBelow(3)}`, stars],
      })
    }
  }
  return events
}

/** A log over events in memory, in chunks that cut groups of equal time. */
export function memoryLog(schema: Schema, events: readonly LogEvent[]): Log {
  return {
    name: schema.name,
    schema,
    rows: events.length,
    skippedRows: 0,
    badRows: [],
    warnings: [],
    timeRange: { firstMs: events[0].timeMs, lastMs: events[events.length - 1].timeMs },
    async *events({ from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = {}) {
      const inside = events.filter(({ timeMs }) => timeMs >= from && timeMs < to)
      for (let at = 0; at < inside.length; at += 97) yield inside.slice(at, at + 97)
    },
    async close() {},
  }
}
