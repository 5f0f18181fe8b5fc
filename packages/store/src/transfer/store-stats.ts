import type { StoredRecord } from '../drivers/driver.ts'
import { openForReading, withDriver } from '../drivers/open-driver.ts'
import { migrateRecord } from '../record/migrate-record.ts'
import { addressSeed, type RecordAddress, type Table } from '../record/record.ts'
import { decodeRing } from '../record/ring.ts'
import { StoreError } from '../validation/errors.ts'
import { surveyRecords, type TableCounts } from './survey.ts'
import type { TransferOptions } from './transfer-stages.ts'

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

interface ModelCounts {
  rings: number
  bytes: number
  slots: number
  readonly snapshots: Map<number, number>
  readonly frames: Map<number, number>
}

/** @throws StoreUrlError, StoreAccessError, StoreFormatError */
export async function storeStats(url: string, options: TransferOptions = {}): Promise<StoreStats> {
  return withDriver(openForReading(url), async (store) => {
    const models = new Map<string, Map<string, ModelCounts>>()
    let bytes = 0
    let damagedRings = 0
    const visit = ({ record, ...address }: StoredRecord) => {
      const { table, tenant, model } = address
      bytes += record.length
      if (table !== 'ring') return
      try {
        count(modelOf(models, tenant, model ?? ''), address, record)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        damagedRings++
      }
    }
    const survey = await surveyRecords(() => store.records(), null, options, visit)
    const tenants = [...survey.tenants].sort(byName).map(([tenant, tables]) => {
      const held = [...(models.get(tenant) ?? [])].sort(byName)
      return { tenant, tables, models: held.map(([model, counts]) => ({ model, ...counts, ...newestFirst(counts) })) }
    })
    return { records: survey.records, bytes, tenants, damagedRings }
  })
}

function count(counts: ModelCounts, address: RecordAddress, record: Uint8Array): void {
  const { tenant, key, model } = address
  const { slots } = decodeRing(migrateRecord(address, record), addressSeed(tenant, key, model))
  counts.rings++
  counts.bytes += record.length
  counts.slots += slots.length
  for (const { snapshot, frame } of slots) {
    counts.snapshots.set(snapshot, (counts.snapshots.get(snapshot) ?? 0) + 1)
    counts.frames.set(frame, (counts.frames.get(frame) ?? 0) + 1)
  }
}

function newestFirst({ snapshots, frames }: ModelCounts): Pick<ModelStats, 'snapshots' | 'frames'> {
  const down = (counts: Map<number, number>) => [...counts].sort(([a], [b]) => b - a)
  return {
    snapshots: down(snapshots).map(([snapshot, slots]) => ({ snapshot, slots })),
    frames: down(frames).map(([frame, slots]) => ({ frame, slots })),
  }
}

function modelOf(models: Map<string, Map<string, ModelCounts>>, tenant: string, model: string): ModelCounts {
  let ofTenant = models.get(tenant)
  if (ofTenant === undefined) {
    ofTenant = new Map()
    models.set(tenant, ofTenant)
  }
  let counts = ofTenant.get(model)
  if (counts === undefined) {
    counts = { rings: 0, bytes: 0, slots: 0, snapshots: new Map(), frames: new Map() }
    ofTenant.set(model, counts)
  }
  return counts
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b)
}
