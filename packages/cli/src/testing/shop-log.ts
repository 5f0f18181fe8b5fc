/** A log of the small tower's shop, and towers that were made for it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  embeddingOf,
  type SmallTower,
  shopItems,
  shopSchema,
  smallMap,
  width,
  writeSmallTower,
} from '@headwater/external/testing/small-tower'
import { seededRandom } from '@headwater/statistics'

/** Ages in days, so that what a user met tells more than when. */
const map = { ...smallMap, inputs: { ...smallMap.inputs, ages: { from: 'event-age', unit: 'd' } } }

/** Writes `shop.csv`, 1,200 events of 60 users, and its `schema.json`. */
export function writeShopLog(directory: string): void {
  const random = seededRandom(3)
  const lines = Array.from({ length: 1200 }, (_, row) => {
    const [user, item] = [random.nextBelow(60), random.nextBelow(shopItems.length)]
    const bought = random.nextFloat() < (user % 2 === item % 2 ? 0.8 : 0.2) ? 1 : 0
    return [`u${user}`, shopItems[item], 1_700_000_000 + 3600 * row, 20 + user, '', '', bought].join(',')
  })
  writeFileSync(join(directory, 'shop.csv'), ['user,item,time,age,tags,kind,bought', ...lines, ''].join('\n'))
  writeFileSync(join(directory, 'schema.json'), JSON.stringify(shopSchema))
}

/** Writes a tower with its map and vocabulary into a folder of a directory. */
export function writeShopTower(directory: string, folder: string, tower: SmallTower, inputs: object = {}): void {
  mkdirSync(join(directory, folder))
  writeSmallTower(join(directory, folder), tower, {}, { ...map, inputs: { ...map.inputs, ...inputs } })
}

/** The same tower in coordinates that were turned by a quarter and a bit. */
export function turned({ table, weight }: SmallTower): SmallTower {
  const [cos, sin] = [Math.cos(1), Math.sin(1)]
  const turn = (vectors: Float32Array) => {
    const y = new Float32Array(vectors.length)
    for (let at = 0; at < y.length; at += width) {
      const [a, b, c, d] = vectors.subarray(at, at + width)
      y.set([b, c * cos - d * sin, -a, c * sin + d * cos], at)
    }
    return y
  }
  return { table: turn(table), weight: turn(weight) }
}

/** By hand, of a user of an age whose only event was buying an item just now. */
export function boughtOnce(tower: SmallTower, age: number, item: number): number[] {
  const mean = (1 + 3 * 0.4) / (1 + 3) - 0.4
  return embeddingOf(tower, [1, age, mean], [{ row: item + 2, ageS: 0 }])
}
