import type { Driver, KeyedTable } from '../drivers/driver.ts'
import { getOrMake } from '../maps/get-or-make.ts'
import type { RecordAddress } from '../record/record.ts'
import { tombstoneTimeMs } from '../record/tombstone.ts'

/** Copies of what a driver holds at addresses of one tenant, in their order. Tombstones are not among them. */
export async function heldRecords(
  driver: Driver,
  tenant: string,
  addresses: readonly RecordAddress[],
): Promise<(Uint8Array | undefined)[]> {
  const held = new Array<Uint8Array | undefined>(addresses.length).fill(undefined)
  const places = new Map<string, number[]>()
  for (const [place, { table, model = '' }] of addresses.entries()) {
    getOrMake(places, `${table}\0${model}`, () => []).push(place)
  }
  for (const alike of places.values()) {
    const { table, model } = addresses[alike[0]]
    const keys = alike.map((place) => addresses[place].key)
    const keep = (i: number, record: Uint8Array | undefined) => {
      held[alike[i]] = record && new Uint8Array(record)
    }
    if (table === 'ring') await driver.readRings(tenant, keys, [model!], (i, _, record) => keep(i, record ?? undefined))
    else await driver.readRecords(tenant, table as KeyedTable, keys, keep)
  }
  return held
}

/** [digests] times of a driver's tombstones, −Infinity where there is none. */
export async function tombstoneTimes(
  driver: Driver,
  tenant: string,
  digests: readonly string[],
): Promise<Float64Array> {
  const times = new Float64Array(digests.length)
  await driver.readRecords(tenant, 'tombstone', digests, (i, record) => {
    times[i] = tombstoneTimeMs(record)
  })
  return times
}
