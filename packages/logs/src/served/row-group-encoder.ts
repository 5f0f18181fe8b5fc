import { setImmediate as nextTurn } from 'node:timers/promises'
import { columnNames } from '../parquet/columns.ts'
import { encodePage, joinPages, type RowGroupBytes } from '../parquet/row-group.ts'
import type { ServedRows } from '../parquet/served-rows.ts'
import type { PendingRows } from './pending-rows.ts'

/** Makes row groups of pending rows, a column a turn of the event loop, so that reads go on between. */
export class RowGroupEncoder {
  readonly #tenant: string
  #tenants: string[] = []

  constructor(tenant: string) {
    this.#tenant = tenant
  }

  /** The bytes are those of what is pending, in part: write them before it changes, and before the next call. */
  async encode(pending: PendingRows): Promise<RowGroupBytes> {
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
      vector: { dims: pending.vectorDims, halves: pending.vectors },
      latest: { dims: pending.latestDims, halves: pending.latest },
    }
    const pages = []
    for (const name of columnNames) {
      pages.push(encodePage(rows, name))
      await nextTurn()
    }
    return joinPages(pages)
  }
}
