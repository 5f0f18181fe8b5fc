/**
 * What was served to which row of the log, as one NumPy structured array (`.npy`): `numpy.load` reads it, and so does a
 * downstream model that must train on exactly what it will be served.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { floatToHalf, halfToFloat } from '@headwater/store'

/** One model's columns of a served row. */
export interface ServedColumns {
  readonly model: string
  /** D */
  readonly dim: number
  /** Whether the newest vector is logged beside the pooled one. */
  readonly latest: boolean
}

/** A served row as it is written and read back; arrays of length D. */
export interface ServedVector {
  /** A value of `servedStatus`. */
  status: number
  snapshot: number
  featureTimeMs: number
  ageMs: number
  readonly pooled: Float32Array
  readonly latest: Float32Array | null
}

export interface ServedRow {
  row: number
  timeMs: number
  readonly models: readonly ServedVector[]
}

const headerBytes = 1024
const recordsPerWrite = 256

function recordBytes(columns: readonly ServedColumns[]): number {
  return columns.reduce((sum, { dim, latest }) => sum + 1 + 4 + 8 + 8 + dim * 2 * (latest ? 2 : 1), 4 + 8)
}

function header(columns: readonly ServedColumns[], rows: number): Uint8Array {
  const fields = ["('row', '<u4')", "('time_ms', '<f8')"]
  for (const { model, dim, latest } of columns) {
    fields.push(`('${model}_status', 'u1')`, `('${model}_snapshot', '<u4')`, `('${model}_feature_time_ms', '<f8')`)
    fields.push(`('${model}_age_ms', '<f8')`, `('${model}_pooled', '<f2', (${dim},))`)
    if (latest) fields.push(`('${model}_latest', '<f2', (${dim},))`)
  }
  const text = `{'descr': [${fields.join(', ')}], 'fortran_order': False, 'shape': (${rows},), }`
  const bytes = new Uint8Array(headerBytes).fill(0x20)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
  new DataView(bytes.buffer).setUint16(8, headerBytes - 10, true)
  const encoded = new TextEncoder().encode(text)
  if (encoded.length > headerBytes - 11) throw new RangeError(`A served log of ${columns.length} models is too wide.`)
  bytes.set(encoded, 10)
  bytes[headerBytes - 1] = 0x0a
  return bytes
}

/** A new row to be filled again and again. */
export function emptyServedRow(columns: readonly ServedColumns[]): ServedRow {
  return {
    row: 0,
    timeMs: 0,
    models: columns.map(({ dim, latest }) => ({
      status: 0,
      snapshot: 0,
      featureTimeMs: 0,
      ageMs: 0,
      pooled: new Float32Array(dim),
      latest: latest ? new Float32Array(dim) : null,
    })),
  }
}

/** Appends served rows. The count in the file's header is written by `close`: a log cut short reads as empty. */
export class ServedLogWriter {
  readonly columns: readonly ServedColumns[]
  rows = 0
  readonly #file: number
  readonly #bytes: number
  readonly #block: Buffer
  #filled = 0

  /** @param path a file that must not exist. */
  constructor(path: string, columns: readonly ServedColumns[]) {
    this.columns = columns
    this.#file = openSync(path, 'wx')
    this.#bytes = recordBytes(columns)
    this.#block = Buffer.alloc(this.#bytes * recordsPerWrite)
    writeSync(this.#file, header(columns, 0))
  }

  append({ row, timeMs, models }: ServedRow): void {
    const block = this.#block
    let at = this.#filled * this.#bytes
    at = block.writeUInt32LE(row, at)
    at = block.writeDoubleLE(timeMs, at)
    for (const { status, snapshot, featureTimeMs, ageMs, pooled, latest } of models) {
      at = block.writeUInt8(status, at)
      at = block.writeUInt32LE(snapshot, at)
      at = block.writeDoubleLE(featureTimeMs, at)
      at = block.writeDoubleLE(ageMs, at)
      for (const vector of latest ? [pooled, latest] : [pooled])
        for (const value of vector) at = block.writeUInt16LE(floatToHalf(value), at)
    }
    this.rows++
    if (++this.#filled === recordsPerWrite) this.#flush()
  }

  #flush(): void {
    const end = this.#filled * this.#bytes
    for (let done = 0; done < end; ) done += writeSync(this.#file, this.#block, done, end - done)
    this.#filled = 0
  }

  close(): void {
    this.#flush()
    writeSync(this.#file, header(this.columns, this.rows), 0, headerBytes, 0)
    closeSync(this.#file)
  }
}

/** Reads a served log from its first row to its last. */
export class ServedLogReader {
  readonly #file: number
  readonly #columns: readonly ServedColumns[]
  readonly #record: Buffer
  #next = 0

  constructor(path: string, columns: readonly ServedColumns[]) {
    this.#file = openSync(path, 'r')
    this.#columns = columns
    this.#record = Buffer.alloc(recordBytes(columns))
  }

  /** The next row in `into`; false behind the last. */
  read(into: ServedRow): boolean {
    const record = this.#record
    const position = headerBytes + this.#next * record.length
    if (readSync(this.#file, record, 0, record.length, position) < record.length) return false
    this.#next++
    let at = 12
    into.row = record.readUInt32LE(0)
    into.timeMs = record.readDoubleLE(4)
    for (const [i, { dim, latest }] of this.#columns.entries()) {
      const vector = into.models[i]
      vector.status = record.readUInt8(at)
      vector.snapshot = record.readUInt32LE(at + 1)
      vector.featureTimeMs = record.readDoubleLE(at + 5)
      vector.ageMs = record.readDoubleLE(at + 13)
      at += 21
      for (const target of latest ? [vector.pooled, vector.latest!] : [vector.pooled])
        for (let d = 0; d < dim; d++, at += 2) target[d] = halfToFloat(record.readUInt16LE(at))
    }
    return true
  }

  close(): void {
    closeSync(this.#file)
  }
}
