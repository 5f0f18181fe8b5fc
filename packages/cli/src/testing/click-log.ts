/** A small CSV log of clicks with its schema, to be spoilt by tests. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schema } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'

export interface Click {
  user: string
  item: string
  time: number | string
  price: number | string
  click: number | string
}

export const clickSchema: Schema = {
  version: 1,
  name: 'clicks',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 's' },
  fields: [
    { name: 'price', of: 'item', type: 'float' },
    { name: 'click', of: 'outcome', type: 'float' },
  ],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [
    { name: 'item-mean', of: 'item', kind: 'mean', value: 'click', prior: 0.4 },
    { name: 'user-mean', of: 'user', kind: 'mean', value: 'click', prior: 0.4 },
    { name: 'user-count', of: 'user', kind: 'count' },
  ],
}

/** Rows in time order; a user clicks often or seldom. */
export function clicks(rows: number): Click[] {
  const random = seededRandom(1)
  return Array.from({ length: rows }, (_, i) => {
    const user = random.nextBelow(60)
    return {
      user: `u${user}`,
      item: `i${random.nextBelow(40)}`,
      time: 1_700_000_000 + 60 * i,
      price: random.nextBelow(100) / 10,
      click: random.nextFloat() < (user % 2 === 0 ? 0.7 : 0.2) ? 1 : 0,
    }
  })
}

/** Writes `clicks.csv` and `schema.json` into a directory, which others may then write over. */
export function writeClickLog(directory: string, rows: readonly Click[], schema: unknown = clickSchema): void {
  const lines = rows.map(({ user, item, time, price, click }) => [user, item, time, price, click].join(','))
  writeFileSync(join(directory, 'clicks.csv'), ['user,item,time,price,click', ...lines, ''].join('\n'))
  writeFileSync(join(directory, 'schema.json'), JSON.stringify(schema))
}
