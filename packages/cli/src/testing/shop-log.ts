/** A log of the small tower's shop, and towers that were made for it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  dailyMap,
  embeddingOf,
  type SmallModelOptions,
  type SmallTower,
  shopEvents,
  shopItems,
  shopSchema,
  writeSmallTower,
} from '@headwater/external/testing/small-tower'
import { seededRandom } from '@headwater/statistics'

/** Writes `shop.csv`, 1,200 events of 60 users, and its `schema.json`. */
export function writeShopLog(directory: string): void {
  const lines = shopEvents(seededRandom(3)).map(({ user, item, timeS, age, bought }) =>
    [user, item, timeS, age, '', '', bought].join(','),
  )
  writeFileSync(join(directory, 'shop.csv'), ['user,item,time,age,tags,kind,bought', ...lines, ''].join('\n'))
  writeFileSync(join(directory, 'schema.json'), JSON.stringify(shopSchema))
}

interface ShopTowerOptions {
  readonly model?: SmallModelOptions
  /** In place of those of the map. */
  readonly map?: object
  readonly inputs?: object
  /** The vocabulary's. */
  readonly items?: readonly string[]
}

/** Writes a tower with its map and vocabulary into a folder of a directory. */
export function writeShopTower(
  directory: string,
  folder: string,
  tower: SmallTower,
  { model = {}, map = {}, inputs = {}, items = shopItems }: ShopTowerOptions = {},
): void {
  mkdirSync(join(directory, folder))
  const whole = { ...dailyMap, ...map, inputs: { ...dailyMap.inputs, ...inputs } }
  writeSmallTower(join(directory, folder), tower, model, whole, items)
}

/** By hand, of a user of an age whose only event was buying an item just now. */
export function boughtOnce(tower: SmallTower, age: number, item: number): number[] {
  const mean = (1 + 3 * 0.4) / (1 + 3) - 0.4
  return embeddingOf(tower, [1, age, mean], [{ row: item + 2, ageS: 0 }])
}
