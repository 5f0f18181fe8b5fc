import type { ServedBatch, ServedColumns } from '../served-batch.ts'

/** Rows and vector values of a chunk: a row group of some megabytes, whatever the vectors' width. */
const rowCapacity = 4096
const valueCapacity = 2 ** 20

/** Served rows that wait to be written, as they were served. R rows, D values of a row's vector. */
export class PendingRows {
  static readonly capacity = rowCapacity
  rows = 0
  /** Values used of `vectors` and of `latest`. */
  vectorValues = 0
  latestValues = 0
  readonly request: (string | null)[] = new Array(rowCapacity).fill(null)
  readonly user: string[] = new Array(rowCapacity).fill('')
  readonly model: string[] = new Array(rowCapacity).fill('')
  readonly servedMs = new Float64Array(rowCapacity)
  readonly snapshot = new Uint32Array(rowCapacity)
  readonly frame = new Uint32Array(rowCapacity)
  readonly featureTimeMs = new Float64Array(rowCapacity)
  readonly status = new Uint32Array(rowCapacity)
  readonly vectorDims = new Uint32Array(rowCapacity)
  readonly latestDims = new Uint32Array(rowCapacity)
  /** [Σ D] */
  readonly vectors: Float32Array
  readonly latest: Float32Array

  /** @param keepsLatest whether there is room for newest vectors */
  constructor(keepsLatest: boolean) {
    this.vectors = new Float32Array(valueCapacity)
    this.latest = new Float32Array(keepsLatest ? valueCapacity : 0)
  }

  /** Copies a model's columns from row `from` on, as many rows as there is room for. @returns how many */
  add(batch: ServedBatch, columns: ServedColumns, from: number, request: string | null, keepsLatest: boolean): number {
    const { dim } = columns
    const room = Math.min(rowCapacity - this.rows, Math.floor((valueCapacity - this.vectorValues) / Math.max(dim, 1)))
    const count = Math.min(room, batch.users.length - from)
    const [at, to, until] = [this.rows, this.rows + count, from + count]
    for (let i = 0; i < count; i++) this.user[at + i] = batch.users[from + i]
    this.request.fill(request, at, to)
    this.model.fill(columns.model, at, to)
    this.servedMs.fill(batch.servedMs, at, to)
    this.snapshot.set(columns.snapshot.subarray(from, until), at)
    this.frame.set(columns.frame.subarray(from, until), at)
    this.featureTimeMs.set(columns.featureTimeMs.subarray(from, until), at)
    this.status.set(columns.status.subarray(from, until), at)
    this.vectorDims.fill(dim, at, to)
    this.vectors.set(columns.vectors.subarray(from * dim, until * dim), this.vectorValues)
    this.vectorValues += count * dim
    const latest = keepsLatest ? columns.latest : null
    this.latestDims.fill(latest ? dim : 0, at, to)
    if (latest) {
      this.latest.set(latest.subarray(from * dim, until * dim), this.latestValues)
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
