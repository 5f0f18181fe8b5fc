import type { Driver } from '../drivers/driver.ts'
import { getOrMake } from '../maps/get-or-make.ts'
import { migrateRecord } from '../record/migrate-record.ts'
import { checkTombstone, tombstoneTimeMs } from '../record/tombstone.ts'
import { StoreError } from '../validation/errors.ts'

/** Tombstones by tenant and digest; of two for one user the later. */
export class TombstoneList {
  size = 0
  readonly #records = new Map<string, Map<string, Uint8Array>>()

  get tenants(): readonly string[] {
    return [...this.#records.keys()]
  }

  /**
   * Adds a store's tombstone in this version's format. A damaged one is left out; passes over all records report it.
   *
   * @param record is copied
   */
  addStored(tenant: string, digest: string, record: Uint8Array): void {
    try {
      const migrated = migrateRecord({ table: 'tombstone', tenant, key: digest }, record)
      checkTombstone(tenant, digest, migrated)
      this.#add(tenant, digest, migrated)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
    }
  }

  addAll(list: TombstoneList): void {
    for (const tenant of list.tenants) {
      for (const [digest, record] of list.of(tenant)) this.#add(tenant, digest, record)
    }
  }

  of(tenant: string): ReadonlyMap<string, Uint8Array> {
    return this.#records.get(tenant) ?? new Map()
  }

  /** −Infinity where the user was not forgotten. */
  timeMs(tenant: string, digest: string): number {
    return tombstoneTimeMs(this.#records.get(tenant)?.get(digest))
  }

  #add(tenant: string, digest: string, record: Uint8Array): void {
    const ofTenant = getOrMake(this.#records, tenant, () => new Map())
    const held = ofTenant.get(digest)
    if (held === undefined) this.size++
    else if (tombstoneTimeMs(held) >= tombstoneTimeMs(record)) return
    ofTenant.set(digest, new Uint8Array(record))
  }
}

const scanRecords = 1_000

/** The tombstones of some tenants of a store. */
export async function readTombstones(source: Driver, tenants: readonly string[]): Promise<TombstoneList> {
  const list = new TombstoneList()
  for (const tenant of tenants) {
    let cursor: string | null = null
    do {
      cursor = await source.scan(tenant, 'tombstone', cursor, scanRecords, (digest, _, record) => {
        list.addStored(tenant, digest, record)
      })
    } while (cursor !== null)
  }
  return list
}
