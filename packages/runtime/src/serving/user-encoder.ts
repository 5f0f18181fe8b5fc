/** Rows of user features in, user embeddings out. Shape letters: R rows, J = K·D numbers of a user's embeddings. */
import { batchRows, type SideBatch } from '@headwater/features'
import { type GpuDevice, Readback } from '@headwater/gpu'
import { queueWrite, type Write } from '../plan/upload-ring.ts'
import { BatchRowsError, EncodeQueueError, ServedTowerError } from './errors.ts'
import { bytesPerNumber, measureUserPlan, UserPlan, type UserPlanParts, type VectorFormat } from './user-plan.ts'

/** Rows of the recorded plans; a piece runs in the smallest that holds it. */
const planRows = [16, 128, 512] as const

/** Rows of the largest plan; a call of more is run in pieces of as many. */
const pieceRows = planRows[planRows.length - 1]

/** Bytes of a buffer that the vectors of any piece are read back through. */
const readbackBytes = (dim: number) => pieceRows * dim * bytesPerNumber.float

/** Pieces on the device at one time: while one runs, the next is uploaded. */
const piecesInFlight = 2

export interface EncoderOptions {
  /** Most rows of one call. Default: 65,536. */
  readonly maxRows?: number
  /** Most rows of all calls that wait or run, no fewer than `maxRows`. Default: four calls of the largest size. */
  readonly maxQueuedRows?: number
}

interface Slot {
  readonly readback: Readback
  /** Settles, and never rejects, once the slot's last piece was read back. */
  free: Promise<unknown>
}

export class UserEncoder {
  readonly device: GpuDevice
  /** J */
  readonly dim: number
  /** Most rows that one call takes. */
  readonly maxRows: number
  readonly maxQueuedRows: number
  readonly #parts: UserPlanParts
  readonly #plans = new Map<number, UserPlan>()
  readonly #write: Write
  #slots: Slot[] = []
  #pieces = 0
  #queuedRows = 0
  #disposed = false
  /** Settles once every earlier call has submitted its pieces; they may still run. */
  #submitted: Promise<unknown> = Promise.resolve()

  /** @throws RangeError where the queue could not take one call */
  constructor(device: GpuDevice, parts: UserPlanParts, options: EncoderOptions = {}) {
    const { maxRows = 65_536, maxQueuedRows = 4 * maxRows } = options
    checkBounds(maxRows, maxQueuedRows)
    this.device = device
    this.maxRows = maxRows
    this.maxQueuedRows = maxQueuedRows
    this.dim = parts.tower.dim
    this.#parts = parts
    this.#write = uploadTo(device)
  }

  /** Rows of the calls that wait or run. */
  get queuedRows(): number {
    return this.#queuedRows
  }

  /**
   * @param batch read until the call has settled.
   * @returns f32 [R, J], empty for no rows
   * @throws BatchRowsError, BatchError, BatchNumberError for a number that is not finite, EncodeQueueError, DeviceLostError,
   * ServedTowerError once disposed
   */
  async encode(batch: SideBatch): Promise<Float32Array> {
    return new Float32Array(await this.#call(batch, 'float'))
  }

  /**
   * As `encode`, as fp16 bits: rounded to nearest, ties to even, on the device, and read back at half the bytes.
   * @returns [R, J]
   */
  async encodeHalf(batch: SideBatch): Promise<Uint16Array> {
    return new Uint16Array(await this.#call(batch, 'half'))
  }

  /**
   * Records the plans of every batch size and has the driver compile them, so that no call has to wait for it.
   * @throws DeviceLostError, ServedTowerError once disposed
   */
  async warm(): Promise<void> {
    this.#check()
    this.#slot(0)
    for (const rows of planRows) {
      await this.#plan(rows).warm()
      this.#check()
    }
  }

  async #call(batch: SideBatch, format: VectorFormat): Promise<ArrayBuffer> {
    const { rows } = batch
    if (!Number.isInteger(rows) || rows < 0 || rows > this.maxRows) throw new BatchRowsError(rows, this.maxRows)
    if (this.#queuedRows + rows > this.maxQueuedRows)
      throw new EncodeQueueError(rows, this.#queuedRows, this.maxQueuedRows)
    this.#queuedRows += rows
    const submitted = this.#submitted.then(() => this.#submitPieces(batch, format))
    this.#submitted = submitted.catch(() => undefined)
    try {
      return await (await submitted).result
    } finally {
      this.#queuedRows -= rows
    }
  }

  /** Resolves once all pieces are submitted; `result` once they were read back. */
  async #submitPieces(batch: SideBatch, format: VectorFormat): Promise<{ result: Promise<ArrayBuffer> }> {
    this.#check()
    if (batch.rows === 0) return { result: Promise.resolve(new ArrayBuffer(0)) }
    if (batch.rows <= pieceRows) {
      const { bytes } = await this.#submitPiece(batch, 0, format)
      return { result: bytes }
    }
    const rowBytes = this.dim * bytesPerNumber[format]
    const vectors = new Uint8Array(batch.rows * rowBytes)
    const pieces: Promise<void>[] = []
    for (let from = 0; from < batch.rows; from += pieceRows) {
      const to = Math.min(batch.rows, from + pieceRows)
      const part = batchRows(this.#parts.tower.needs.layout, batch, from, to)
      const { bytes } = await this.#submitPiece(part, from, format)
      const placed = bytes.then((piece) => vectors.set(new Uint8Array(piece), from * rowBytes))
      // The whole rejects with it; until then a piece that fails must not count as an unhandled rejection.
      placed.catch(() => undefined)
      pieces.push(placed)
    }
    return { result: Promise.all(pieces).then(() => vectors.buffer) }
  }

  /** Resolves once the piece is submitted; `bytes` once it was read back. */
  async #submitPiece(
    batch: SideBatch,
    firstRow: number,
    format: VectorFormat,
  ): Promise<{ bytes: Promise<ArrayBuffer> }> {
    const slot = this.#slot(this.#pieces++)
    await slot.free
    this.#check()
    const sizeBytes = batch.rows * this.dim * bytesPerNumber[format]
    const plan = this.#plan(planRows.find((rows) => rows >= batch.rows)!)
    plan.submit(batch, firstRow, format, this.#write, (encoder, vectors) =>
      slot.readback.copy(encoder, vectors, sizeBytes),
    )
    // Where the buffer was destroyed while it was read, why that was is the failure.
    const bytes = slot.readback.take(sizeBytes).finally(() => this.#check())
    slot.free = bytes.catch(() => undefined)
    return { bytes }
  }

  #slot(piece: number): Slot {
    while (this.#slots.length < piecesInFlight)
      this.#slots.push({
        readback: new Readback(this.device, 'user embeddings', readbackBytes(this.dim)),
        free: Promise.resolve(),
      })
    return this.#slots[piece % piecesInFlight]
  }

  #plan(rows: number): UserPlan {
    let plan = this.#plans.get(rows)
    if (!plan) {
      plan = this.device.allOrNothing(() => new UserPlan(this.device, this.#parts, rows))
      this.#plans.set(rows, plan)
    }
    return plan
  }

  #check(): void {
    if (this.#disposed) throw new ServedTowerError('The tower was disposed; load it again.')
    this.device.check()
  }

  /** Frees its memory; calls that wait or run are rejected. */
  dispose(): void {
    this.#disposed = true
    for (const { readback } of this.#slots) readback.dispose()
    for (const plan of this.#plans.values()) plan.dispose()
    this.#slots = []
    this.#plans.clear()
  }
}

/**
 * Through the queue: a mapped buffer would have to be mapped again for each call, which on a software adapter took longer
 * than it saved (the small tower's 5,120 rows: 64 ms against 52).
 */
function uploadTo(device: GpuDevice): Write {
  const write = queueWrite(device)
  // Dawn in Node cannot read shared memory.
  return (tensor, data) => write(tensor, data.buffer instanceof ArrayBuffer ? data : data.slice())
}

function checkBounds(maxRows: number, maxQueuedRows: number): void {
  for (const [name, value, least] of [
    ['maxRows', maxRows, 1],
    ['maxQueuedRows', maxQueuedRows, maxRows],
  ] as const)
    if (!Number.isSafeInteger(value) || value < least)
      throw new RangeError(`${name} is a whole number of at least ${least}, not ${value}.`)
}

/**
 * What an encoder takes on a device besides weights once it is warm, and the largest input or activation, in bytes.
 * @param maxBufferBytes largest buffer of the device
 */
export function measureEncoder(
  parts: UserPlanParts,
  maxBufferBytes: number,
): { readonly sizeBytes: number; readonly largestBytes: number } {
  const plans = planRows.map((rows) => measureUserPlan(parts, rows, maxBufferBytes))
  const readback = readbackBytes(parts.tower.dim)
  return {
    sizeBytes: plans.reduce((sum, plan) => sum + plan.sizeBytes, piecesInFlight * readback),
    largestBytes: Math.max(readback, ...plans.map(({ largestBytes }) => largestBytes)),
  }
}
