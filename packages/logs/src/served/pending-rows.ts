import { encodeHalves } from '@headwater/binary16'
import type { ServedBatch, ServedColumns } from '@headwater/pooling'
import type { Vectors } from '../parquet/columns.ts'
import type { ServedRows } from './served-rows.ts'

/** Rows and vector values of a chunk: a row group of some megabytes, whatever the vectors' width. */
const rowCapacity = 4096
const valueCapacity = 2 ** 20

/** Served rows that wait to be written, as they were served; vectors as the file has them. R rows, D values of a row's vector. */
export class PendingRows implements ServedRows {
  static readonly capacity = rowCapacity
  rows = 0
  /** Values used of `vector` and of `latest`. */
  vectorValues = 0
  latestValues = 0
  readonly request: (string | null)[] = new Array(rowCapacity).fill(null)
  readonly tenant: readonly string[]
  readonly user: string[] = new Array(rowCapacity).fill('')
  readonly model: string[] = new Array(rowCapacity).fill('')
  readonly servedMs = new Float64Array(rowCapacity)
  readonly snapshot = new Uint32Array(rowCapacity)
  readonly frame = new Uint32Array(rowCapacity)
  readonly featureTimeMs = new Float64Array(rowCapacity)
  readonly status = new Uint32Array(rowCapacity)
  readonly vector = { dims: new Uint32Array(rowCapacity), halves: new Uint16Array(valueCapacity) }
  readonly latest: Vectors

  /** @param keepsLatest whether there is room for newest vectors */
  constructor(tenant: string, keepsLatest: boolean) {
    this.tenant = new Array(rowCapacity).fill(tenant)
    this.latest = { dims: new Uint32Array(rowCapacity), halves: new Uint16Array(keepsLatest ? valueCapacity : 0) }
  }

  /** Copies a model's columns from row `from` on, as many rows as there is room for. @returns how many */
  add(batch: ServedBatch, columns: ServedColumns, from: number, request: string | null, keepsLatest: boolean): number {
    const { dim, halves } = columns
    const room = Math.min(rowCapacity - this.rows, Math.floor((valueCapacity - this.vectorValues) / Math.max(dim, 1)))
    const count = Math.min(room, batch.users.length - from)
    const [at, to, until] = [this.rows, this.rows + count, from + count]
    const latest = keepsLatest ? columns.latest : null
    // Most batches have few rows, of which a loop takes a fraction of what `fill` and `set` do.
    for (let row = at, i = from; row < to; row++, i++) {
      this.user[row] = batch.users[i]
      this.request[row] = request
      this.model[row] = columns.model
      this.servedMs[row] = batch.servedMs
      this.snapshot[row] = columns.snapshot[i]
      this.frame[row] = columns.frame[i]
      this.featureTimeMs[row] = columns.featureTimeMs[i]
      this.status[row] = columns.status[i]
      this.vector.dims[row] = dim
      this.latest.dims[row] = latest ? dim : 0
    }
    if (halves !== null) this.vector.halves.set(halves.subarray(from * dim, until * dim), this.vectorValues)
    else putHalves(columns.vectors.subarray(from * dim, until * dim), this.vector.halves, this.vectorValues)
    this.vectorValues += count * dim
    if (latest) {
      putHalves(latest.subarray(from * dim, until * dim), this.latest.halves, this.latestValues)
      this.latestValues += count * dim
    }
    this.rows = to
    return count
  }

  /** Empties it for other rows. */
  clear(): void {
    this.request.fill(null, 0, this.rows)
    this.user.fill('', 0, this.rows)
    this.rows = 0
    this.vectorValues = 0
    this.latestValues = 0
  }
}

function putHalves(values: Float32Array, into: Uint16Array, at: number): void {
  encodeHalves(values, 0, values.length, new Uint8Array(into.buffer, into.byteOffset, into.byteLength), 2 * at)
}
