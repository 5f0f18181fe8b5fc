import type { EncoderUse } from './encoder-use.ts'
import type { Refresh } from './offer-queue.ts'
import { type Encoders, RowBatch } from './row-batch.ts'

interface HeldUser {
  rows: number
  /** Of the last of them, the time as of which the features are read. */
  atMs: number
}

/** Batches of users' states in the order they were read. Their encoders are in use until they are released. */
export class RowBatches {
  readonly #batchRows: number
  readonly #use: EncoderUse
  readonly #held = new Map<string, HeldUser>()
  #batches: RowBatch[] = []
  readonly #taken = new Set<RowBatch>()
  #rows = 0

  constructor(batchRows: number, use: EncoderUse) {
    this.#batchRows = batchRows
    this.#use = use
  }

  get batches(): number {
    return this.#batches.length
  }

  /** Whether the first can get no further rows. */
  get hasWhole(): boolean {
    return this.#batches.length > 1 || this.#batches[0]?.isFull === true
  }

  /** Rows not taken yet. */
  get waitingRows(): number {
    return this.#batches.reduce((rows, { users }) => rows + users.length, 0)
  }

  /** Rows not released yet. */
  get rows(): number {
    return this.#rows
  }

  has(user: string): boolean {
    return this.#held.has(user)
  }

  /** Feature time of the last embedding of a user that is yet to be written; −Infinity where none is. */
  featureTimeMs(user: string): number {
    return this.#held.get(user)?.atMs ?? Number.NEGATIVE_INFINITY
  }

  add(encoders: Encoders, refresh: Refresh, state: Uint8Array): void {
    let batch = this.#batches.at(-1)
    if (batch === undefined || batch.isFull || batch.encoders !== encoders) {
      batch = new RowBatch(encoders, this.#batchRows)
      this.#use.begin(encoders)
      this.#batches.push(batch)
    }
    batch.add(refresh, state)
    const held = this.#held.get(refresh.user)
    this.#held.set(refresh.user, { rows: (held?.rows ?? 0) + 1, atMs: refresh.atMs })
    this.#rows++
  }

  /** The first batch, which stays in the counts until `release`. */
  take(): RowBatch | undefined {
    const batch = this.#batches.shift()
    if (batch !== undefined) this.#taken.add(batch)
    return batch
  }

  release(batch: RowBatch): void {
    this.#taken.delete(batch)
    for (const user of batch.users) this.#leave(user)
    this.#use.end(batch.encoders)
  }

  /** Takes a user out of the batches that are not taken yet; those that are know of it. @returns the number of rows taken out */
  drop(user: string): number {
    for (const batch of this.#taken) if (batch.users.includes(user)) batch.forgotten.add(user)
    let dropped = 0
    for (const [i, batch] of this.#batches.entries()) {
      let rest = batch
      for (let row = rest.users.indexOf(user); row >= 0; row = rest.users.indexOf(user)) {
        rest = rest.without(row)
        this.#leave(user)
        dropped++
      }
      this.#batches[i] = rest
    }
    return dropped
  }

  clear(): void {
    for (let batch = this.take(); batch !== undefined; batch = this.take()) this.release(batch)
  }

  #leave(user: string): void {
    this.#rows--
    const held = this.#held.get(user)!
    held.rows--
    if (held.rows === 0) this.#held.delete(user)
  }
}
