/** All vectors of a model, some thousands at a time, in memory that does not grow with the store. R rows, D values of a vector. */
import { encodeHalves } from '@headwater/binary16'
import { openForReading, withDriver } from '../drivers/open-driver.ts'
import { readFloat64, readUint32 } from '../record/codec/little-endian.ts'
import { checkRing, copyPooled, decodeLatest, newestTagAt, ringDim } from '../record/ring.ts'
import { RequestError, StoreError } from '../validation/errors.ts'
import { checkName } from '../validation/keys.ts'
import type { TransferOptions } from './survey.ts'

export interface VectorRows {
  readonly rows: number
  readonly dim: number
  /** [R] */
  readonly user: readonly string[]
  /** [R] of the newest slot, as are frame and both times. */
  readonly snapshot: Uint32Array
  readonly frame: Uint32Array
  /** [R] milliseconds since 1970. */
  readonly featureTimeMs: Float64Array
  readonly writtenMs: Float64Array
  /** [R, D] binary16 */
  readonly halves: Uint16Array
}

/** How far an export has come; a plain value, for files. */
export interface ExportPlace {
  /** Of the rows, null while none was found, or where rows of all frames are wanted. */
  readonly frame: number | null
  /** Where the driver goes on; null before the first slice. */
  readonly cursor: string | null
  /** Written so far. */
  readonly rows: number
  /** Users whose vectors are of another frame, by frame. */
  readonly otherFrames: Readonly<Record<string, number>>
  /** Rings that could not be read. */
  readonly damaged: number
}

export interface VectorExport extends TransferOptions {
  readonly model: string
  /** Default: default. */
  readonly tenant?: string
  /** The newest vector of each user in place of the average that reads serve. Default false. */
  readonly latest?: boolean
  /** Vectors of one frame have common coordinates. Default: the newest frame that is found. */
  readonly frame?: number | 'all'
  /** Rows of a part, at most. Default 65,536. */
  readonly partRows?: number
  /** Where an export that was stopped goes on; null: from the start. */
  readonly from?: ExportPlace | null
}

export interface ExportSink {
  /** @param rows are used again once it resolved @param place of what follows them */
  write(rows: VectorRows, place: ExportPlace): Promise<void>
  /** Drops what was written: a newer frame was found. */
  restart(): Promise<void>
}

const sliceRecords = 1_024

/**
 * Reads beside the process that writes, where the driver can. A ring is as it was at one moment, not the same for all. Its header is
 * looked at, as reads do, and not its checksum, as `checkStoreAt` does.
 *
 * @returns the place at the end
 * @throws StoreUrlError, StoreAccessError, StoreFormatError, KeyError; RequestError for vectors of several lengths
 */
export async function exportVectors(url: string, options: VectorExport, sink: ExportSink): Promise<ExportPlace> {
  const { model, tenant = 'default', partRows = 65_536, stages, signal } = options
  checkName('model', model)
  checkName('tenant', tenant)
  return withDriver(openForReading(url), async (driver) => {
    let found = new Found(options, partRows, options.from ?? null)
    let cursor = options.from?.cursor ?? null
    stages?.begin('vectors', 0)
    for (let isDone = false; !isDone; ) {
      signal?.throwIfAborted()
      cursor = await driver.scan(tenant, 'ring', cursor, Math.min(sliceRecords, partRows), (user, of, record) => {
        if (of === model) found.add(user, record)
      })
      if (found.newerFrame !== null) {
        await sink.restart()
        found = new Found(options, partRows, null, found.newerFrame)
        cursor = null
        continue
      }
      stages?.advance(found.rows)
      isDone = cursor === null
      if (isDone || found.isFull) await found.write(sink, cursor)
    }
    stages?.end()
    return found.place(null)
  })
}

/** What was found of an export, and what of it is not written yet. */
class Found {
  /** Set where a newer frame than that of the rows is met and no other was asked for. */
  newerFrame: number | null = null
  readonly #wanted: number | 'all' | undefined
  readonly #latest: boolean
  readonly #partRows: number
  readonly #others: Map<string, number>
  #frame: number | null
  #written: number
  #damaged: number
  #part: Part | null = null

  constructor(
    { frame: wanted, latest = false }: VectorExport,
    partRows: number,
    from: ExportPlace | null,
    frame: number | null = null,
  ) {
    this.#wanted = wanted
    this.#latest = latest
    this.#partRows = partRows
    this.#others = new Map(Object.entries(from?.otherFrames ?? {}))
    this.#frame = from?.frame ?? (typeof wanted === 'number' ? wanted : frame)
    this.#written = from?.rows ?? 0
    this.#damaged = from?.damaged ?? 0
  }

  get rows(): number {
    return this.#written + (this.#part?.rows ?? 0)
  }

  get isFull(): boolean {
    return (this.#part?.rows ?? 0) >= this.#partRows
  }

  /** @throws RequestError */
  add(user: string, record: Uint8Array): void {
    try {
      const dim = ringDim(record)
      checkRing(record, dim)
      const frame = readUint32(record, newestTagAt(dim) + 4)
      if (this.#wanted !== 'all') {
        this.#frame ??= frame
        if (this.#wanted === undefined && frame > this.#frame) this.newerFrame = Math.max(frame, this.newerFrame ?? 0)
        if (frame !== this.#frame) {
          this.#others.set(String(frame), (this.#others.get(String(frame)) ?? 0) + 1)
          return
        }
      }
      this.#part ??= new Part(dim, this.#partRows)
      this.#part.add(user, record, dim, this.#latest)
    } catch (error) {
      if (!(error instanceof StoreError) || error instanceof RequestError) throw error
      this.#damaged++
    }
  }

  place(cursor: string | null): ExportPlace {
    return {
      frame: this.#frame,
      cursor,
      rows: this.rows,
      otherFrames: Object.fromEntries(this.#others),
      damaged: this.#damaged,
    }
  }

  async write(sink: ExportSink, cursor: string | null): Promise<void> {
    if (this.#part === null || this.#part.rows === 0) return
    await sink.write(this.#part, this.place(cursor))
    this.#written += this.#part.rows
    this.#part.clear()
  }
}

/** Rows that are gathered; emptied and used again. */
class Part implements VectorRows {
  readonly dim: number
  rows = 0
  readonly user: string[] = []
  readonly snapshot: Uint32Array
  readonly frame: Uint32Array
  readonly featureTimeMs: Float64Array
  readonly writtenMs: Float64Array
  readonly halves: Uint16Array
  readonly #bytes: Uint8Array
  readonly #floats: Float32Array

  constructor(dim: number, most: number) {
    // A slice is taken whole: it may begin where one row was missing.
    const room = most + sliceRecords
    this.dim = dim
    this.snapshot = new Uint32Array(room)
    this.frame = new Uint32Array(room)
    this.featureTimeMs = new Float64Array(room)
    this.writtenMs = new Float64Array(room)
    this.halves = new Uint16Array(room * dim)
    this.#bytes = new Uint8Array(this.halves.buffer)
    this.#floats = new Float32Array(dim)
  }

  /** @throws RequestError, StoreError */
  add(user: string, record: Uint8Array, dim: number, latest: boolean): void {
    if (dim !== this.dim)
      throw new RequestError(
        `the model has vectors of ${this.dim} and of ${dim} numbers; export the one that was renamed, or sweep the older`,
      )
    const [row, tag] = [this.rows, newestTagAt(dim)]
    if (latest) {
      decodeLatest(record, dim, this.#floats, 0)
      encodeHalves(this.#floats, 0, dim, this.#bytes, 2 * row * dim)
    } else copyPooled(record, dim, this.#bytes, row * dim)
    this.user[row] = user
    this.snapshot[row] = readUint32(record, tag)
    this.frame[row] = readUint32(record, tag + 4)
    this.featureTimeMs[row] = readFloat64(record, tag + 8)
    this.writtenMs[row] = readFloat64(record, tag + 16)
    this.rows++
  }

  clear(): void {
    this.rows = 0
    this.user.length = 0
  }
}
