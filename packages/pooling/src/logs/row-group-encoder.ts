import { setImmediate as nextTurn } from 'node:timers/promises'
import { floatToHalf } from '@headwater/store'
import { columnNames } from './parquet/columns.ts'
import { encodePage, joinPages, type RowGroupBytes } from './parquet/row-group.ts'
import type { PendingRows } from './pending-rows.ts'
import type { ServedRows } from './served-rows.ts'

/** Values turned into binary16 in one turn of the event loop: some hundred microseconds. */
const valuesPerTurn = 2 ** 15

/** Makes row groups of pending rows, a slice a turn of the event loop, so that reads go on between. */
export class RowGroupEncoder {
  readonly #tenant: string
  #vectors = new Uint16Array(0)
  #latest = new Uint16Array(0)
  #tenants: string[] = []

  constructor(tenant: string) {
    this.#tenant = tenant
  }

  /** The bytes are those of what is pending, in part: write them before it changes, and before the next call. */
  async encode(pending: PendingRows): Promise<RowGroupBytes> {
    this.#vectors = await halvesOf(pending.vectors, pending.vectorValues, this.#vectors)
    this.#latest = await halvesOf(pending.latest, pending.latestValues, this.#latest)
    while (this.#tenants.length < pending.rows) this.#tenants.push(this.#tenant)
    const rows: ServedRows = {
      rows: pending.rows,
      request: pending.request,
      tenant: this.#tenants,
      user: pending.user,
      model: pending.model,
      servedMs: pending.servedMs,
      snapshot: pending.snapshot,
      frame: pending.frame,
      featureTimeMs: pending.featureTimeMs,
      status: pending.status,
      vector: { dims: pending.vectorDims, halves: this.#vectors },
      latest: { dims: pending.latestDims, halves: this.#latest },
    }
    const pages = []
    for (const name of columnNames) {
      pages.push(encodePage(rows, name))
      await nextTurn()
    }
    return joinPages(pages)
  }
}

/** @param into memory to use again */
async function halvesOf(
  values: Float32Array,
  count: number,
  into: Uint16Array<ArrayBuffer>,
): Promise<Uint16Array<ArrayBuffer>> {
  const halves = into.length < count ? new Uint16Array(count) : into
  for (let from = 0; from < count; from += valuesPerTurn) {
    const to = Math.min(from + valuesPerTurn, count)
    for (let i = from; i < to; i++) halves[i] = floatToHalf(values[i])
    await nextTurn()
  }
  return halves
}
