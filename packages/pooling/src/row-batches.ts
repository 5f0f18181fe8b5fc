import type { EncoderUse } from './encoder-use.ts'
import type { Refresh } from './offer-queue.ts'
import { type Encoders, RowBatch } from './row-batch.ts'

/** Batches of users' states in the order they were read. Their encoders are in use until they are released. */
export class RowBatches {
  readonly #batchRows: number
  readonly #use: EncoderUse
  readonly #rowsOfUser = new Map<string, number>()
  #batches: RowBatch[] = []
  readonly #taken = new Set<RowBatch>()
  #rows = 0

  constructor(batchRows: number, use: EncoderUse) {
    this.#batchRows = batchRows
    this.#use = use
  }

  /** Batches not taken yet. */
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
    return this.#rowsOfUser.has(user)
  }

  add(encoders: Encoders, refresh: Refresh, state: Uint8Array): void {
    let batch = this.#batches.at(-1)
    if (batch === undefined || batch.isFull || batch.encoders !== encoders) {
      batch = new RowBatch(encoders, this.#batchRows)
      this.#use.begin(encoders)
      this.#batches.push(batch)
    }
    batch.add(refresh, state)
    this.#count(refresh.user, 1)
  }

  /** The first batch, which stays in the counts until `release`. */
  take(): RowBatch | undefined {
    const batch = this.#batches.shift()
    if (batch !== undefined) this.#taken.add(batch)
    return batch
  }

  /** Ends a taken batch. */
  release(batch: RowBatch): void {
    this.#taken.delete(batch)
    for (const user of batch.users) this.#count(user, -1)
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
        this.#count(user, -1)
        dropped++
      }
      this.#batches[i] = rest
    }
    return dropped
  }

  clear(): void {
    for (let batch = this.take(); batch !== undefined; batch = this.take()) this.release(batch)
  }

  #count(user: string, more: number): void {
    this.#rows += more
    const rows = (this.#rowsOfUser.get(user) ?? 0) + more
    if (rows === 0) this.#rowsOfUser.delete(user)
    else this.#rowsOfUser.set(user, rows)
  }
}
