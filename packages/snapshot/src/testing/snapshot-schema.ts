import type { Schema } from '@headwater/features'

export const snapshotSchema: Schema = {
  version: 1,
  name: 'snapshot-test',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [
    { name: 'rating', of: 'outcome', type: 'float' },
    { name: 'tags', of: 'user', type: 'ids', maxValues: 2, buckets: 11 },
  ],
  tasks: [{ name: 'liked', field: 'rating', atLeast: 7 }],
  aggregations: [{ name: 'events', of: 'user', kind: 'count' }],
  sequence: { length: 4, value: 'rating', buckets: 13 },
  itemBuckets: 17,
}
