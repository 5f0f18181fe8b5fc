import { type Aggregation, parseSchema, type Schema } from '@headwater/features'
import type { HiddenSetting } from './setting.ts'

/** Half-lives around the time scales of sessions, follow-ups and drift. */
const halfLives = { '3h': 1 / 8, '1d': 1, '7d': 7 }

/**
 * Fields category, age, popularity, position, click and conversion; statistics of the item and of the user, also by category; the
 * user's last events.
 */
export function hiddenSchema({ categories, conversions }: HiddenSetting): Schema {
  const byCategory = Object.entries(halfLives).flatMap(([name, halfLifeDays]): Aggregation[] => {
    const own = { of: 'user', by: 'categories', halfLifeDays } as const
    return [
      { name: `clicks-by-category-${name}`, kind: 'sum', value: 'click', ...own },
      { name: `exposures-by-category-${name}`, kind: 'sum', ...own },
      { name: `residual-by-category-${name}`, kind: 'residual', value: 'click', shrinkage: 3, ...own },
    ]
  })
  const values = Array.from({ length: categories }, (_, c) => `c${c}`)
  const schema: Schema = {
    version: 1,
    name: 'synthetic-hidden',
    user: 'user',
    item: 'item',
    time: { column: 'time', unit: 'ms' },
    fields: [
      { name: 'category', of: 'item', type: 'id' },
      // The same as a list, which statistics are taken by.
      { name: 'categories', column: 'category', of: 'item', type: 'ids', maxValues: 1, values },
      { name: 'age', of: 'context', type: 'float', center: 20, scale: 15 },
      { name: 'popularity', of: 'context', type: 'float' },
      { name: 'position', of: 'context', type: 'id', buckets: 16 },
      { name: 'click', of: 'outcome', type: 'float' },
      { name: 'conversion', of: 'outcome', type: 'float' },
    ],
    tasks: [
      { name: 'click', field: 'click', atLeast: 1 },
      { name: 'conversion', field: 'conversion', atLeast: 1, delayDays: conversions.windowDays },
    ],
    aggregations: [
      { name: 'item-mean', of: 'item', kind: 'mean', value: 'click', shrinkage: 20, prior: 0.15 },
      { name: 'item-mean-7d', of: 'item', kind: 'mean', value: 'click', shrinkage: 20, prior: 0.15, halfLifeDays: 7 },
      { name: 'item-count', of: 'item', kind: 'count' },
      { name: 'user-count', of: 'user', kind: 'count' },
      { name: 'user-mean', of: 'user', kind: 'mean', value: 'click', shrinkage: 10, prior: 0.15 },
      { name: 'user-residual', of: 'user', kind: 'residual', value: 'click', shrinkage: 3 },
      { name: 'user-residual-20', of: 'user', kind: 'residual', value: 'click', shrinkage: 3, halfLifeEvents: 20 },
      ...byCategory,
      { name: 'user-since', of: 'user', kind: 'since' },
    ],
    sequence: { length: 64, value: 'click', buckets: 4096, categories: ['category', 'position'], residual: true },
    itemBuckets: 4096,
    userBuckets: 16_384,
    calendar: ['hour', 'weekday'],
  }
  return parseSchema(schema, 'synthetic-hidden')
}
