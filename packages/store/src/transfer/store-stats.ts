import type { StoredRecord } from '../drivers/driver.ts'
import { openForReading, withDriver } from '../drivers/open-driver.ts'
import { getOrMake } from '../maps/get-or-make.ts'
import { migrateRecord } from '../record/migrate-record.ts'
import { addressSeed, type RecordAddress, type Table } from '../record/record.ts'
import { checkedTags } from '../record/ring.ts'
import { StoreError } from '../validation/errors.ts'
import { surveyRecords, type TableCounts, type TransferOptions } from './survey.ts'

/** What a store holds. Bytes are those of records, without their keys and what the driver adds. */
export interface StoreStats {
  readonly records: number
  readonly bytes: number
  /** By name. */
  readonly tenants: readonly TenantStats[]
  /** Rings that could not be read. */
  readonly damagedRings: number
}

export interface TenantStats {
  readonly tenant: string
  /** Users and items are those that have a state. */
  readonly tables: Readonly<Record<Table, TableCounts>>
  /** By name. */
  readonly models: readonly ModelStats[]
}

export interface ModelStats {
  readonly model: string
  readonly rings: number
  readonly bytes: number
  /** Embeddings, in all rings. */
  readonly slots: number
  /** What slots are of, newest first. */
  readonly snapshots: readonly { readonly snapshot: number; readonly slots: number }[]
  readonly frames: readonly { readonly frame: number; readonly slots: number }[]
}

/** @throws StoreUrlError, StoreAccessError, StoreFormatError */
export async function storeStats(url: string, options: TransferOptions = {}): Promise<StoreStats> {
  return withDriver(openForReading(url), async (store) => {
    const models = new Map<string, Map<string, ModelCounts>>()
    let bytes = 0
    let damagedRings = 0
    const visit = ({ record, ...address }: StoredRecord) => {
      bytes += record.length
      if (address.table !== 'ring') return
      try {
        const ofTenant = getOrMake(models, address.tenant, () => new Map())
        getOrMake(ofTenant, address.model ?? '', () => new ModelCounts()).add(address, record)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        damagedRings++
      }
    }
    const survey = await surveyRecords(() => store.records(), null, options, visit)
    const tenants = [...survey.tenants].sort(byName).map(([tenant, tables]) => {
      const held = [...(models.get(tenant) ?? [])].sort(byName)
      return { tenant, tables, models: held.map(([model, counts]) => ({ model, ...counts.stats() })) }
    })
    return { records: survey.records, bytes, tenants, damagedRings }
  })
}

class ModelCounts {
  readonly #sums = { rings: 0, bytes: 0, slots: 0 }
  readonly #snapshots = new Map<number, number>()
  readonly #frames = new Map<number, number>()

  /** @throws StoreError for a ring that cannot be read */
  add(address: RecordAddress, record: Uint8Array): void {
    const { tenant, key, model } = address
    const slots = checkedTags(migrateRecord(address, record), addressSeed(tenant, key, model))
    this.#sums.rings++
    this.#sums.bytes += record.length
    this.#sums.slots += slots.length
    for (const { snapshot, frame } of slots) {
      this.#snapshots.set(snapshot, (this.#snapshots.get(snapshot) ?? 0) + 1)
      this.#frames.set(frame, (this.#frames.get(frame) ?? 0) + 1)
    }
  }

  stats(): Omit<ModelStats, 'model'> {
    const newestFirst = (counts: Map<number, number>) => [...counts].sort(([a], [b]) => b - a)
    return {
      ...this.#sums,
      snapshots: newestFirst(this.#snapshots).map(([snapshot, slots]) => ({ snapshot, slots })),
      frames: newestFirst(this.#frames).map(([frame, slots]) => ({ frame, slots })),
    }
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b)
}
