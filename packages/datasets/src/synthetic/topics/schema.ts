import { type Aggregation, parseSchema, type Schema } from '@headwater/features'
import type { SyntheticSetting } from './setting.ts'

/** Half-lives around the time scale of the drift. */
const halfLivesDays = [1, 4, 16]

/**
 * Fields topics, surface, profile, click and, where the setting has them, conversion; the user's clicks, exposures and
 * residual by topic at three decays.
 */
export function syntheticSchema({ topics, profileSize, conversions }: SyntheticSetting): Schema {
  const byTopic = halfLivesDays.flatMap((halfLifeDays): Aggregation[] => [
    { name: `clicks-by-topic-${halfLifeDays}d`, of: 'user', kind: 'sum', value: 'click', by: 'topics', halfLifeDays },
    { name: `exposures-by-topic-${halfLifeDays}d`, of: 'user', kind: 'sum', by: 'topics', halfLifeDays },
    {
      name: `residual-by-topic-${halfLifeDays}d`,
      of: 'user',
      kind: 'residual',
      value: 'click',
      by: 'topics',
      shrinkage: 3,
      halfLifeDays,
    },
  ])
  const schema: Schema = {
    version: 1,
    name: 'synthetic',
    user: 'user',
    item: 'ad',
    time: { column: 'time', unit: 'ms' },
    fields: [
      { name: 'topics', of: 'item', type: 'vector', size: topics },
      { name: 'surface', of: 'context', type: 'id', buckets: 16 },
      { name: 'profile', of: 'user', type: 'vector', size: profileSize },
      { name: 'click', of: 'outcome', type: 'float' },
      ...(conversions ? [{ name: 'conversion', of: 'outcome', type: 'float' } as const] : []),
    ],
    tasks: [
      { name: 'click', field: 'click', atLeast: 1 },
      ...(conversions
        ? [{ name: 'conversion', field: 'conversion', atLeast: 1, delayDays: conversions.windowDays }]
        : []),
    ],
    aggregations: [
      { name: 'item-mean', of: 'item', kind: 'mean', value: 'click', shrinkage: 20, prior: 0.1 },
      { name: 'item-count', of: 'item', kind: 'count' },
      { name: 'user-count', of: 'user', kind: 'count' },
      { name: 'user-mean', of: 'user', kind: 'mean', value: 'click', shrinkage: 10, prior: 0.1 },
      { name: 'user-residual', of: 'user', kind: 'residual', value: 'click', shrinkage: 3 },
      ...byTopic,
      { name: 'user-since', of: 'user', kind: 'since' },
    ],
    sequence: { length: 32, value: 'click', buckets: 4096 },
    itemBuckets: 4096,
    userBuckets: 16_384,
  }
  return parseSchema(schema, 'synthetic')
}
