import type { Driver, KeyedTable } from '../drivers/driver.ts'
import type { RecordAddress } from '../record/record.ts'
import { tombstoneTimeMs } from '../record/tombstone.ts'

/** Copies of what a driver holds at addresses of one tenant, in their order. Tombstones are not among them. */
export async function heldRecords(
  driver: Driver,
  tenant: string,
  addresses: readonly RecordAddress[],
): Promise<(Uint8Array | undefined)[]> {
  const held = new Array<Uint8Array | undefined>(addresses.length).fill(undefined)
  /** Places by table and model. */
  const placesOf = new Map<string, number[]>()
  for (const [place, { table, model = '' }] of addresses.entries()) {
    const name = `${table}\0${model}`
    const places = placesOf.get(name)
    if (places === undefined) placesOf.set(name, [place])
    else places.push(place)
  }
  for (const places of placesOf.values()) {
    const { table, model } = addresses[places[0]]
    const keys = places.map((place) => addresses[place].key)
    const keep = (i: number, record: Uint8Array | undefined) => {
      held[places[i]] = record === undefined ? undefined : new Uint8Array(record)
    }
    if (table === 'ring') {
      await driver.readRings(tenant, keys, [model!], (i, _, record) => keep(i, record ?? undefined))
    } else await driver.readRecords(tenant, table as KeyedTable, keys, keep)
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
