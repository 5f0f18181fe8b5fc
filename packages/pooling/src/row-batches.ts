import { type Encoders, RowBatch } from './row-batch.ts'

/** Batches of users' states in the order they were read. */
export class RowBatches {
  readonly #batchRows: number
  readonly #rowsOfUser = new Map<string, number>()
  #batches: RowBatch[] = []
  #rows = 0

  constructor(batchRows: number) {
    this.#batchRows = batchRows
  }

  /** Batches not taken yet. */
  get batches(): number {
    return this.#batches.length
  }

  /** Rows not released yet. */
  get rows(): number {
    return this.#rows
  }

  has(user: string): boolean {
    return this.#rowsOfUser.has(user)
  }

  add(encoders: Encoders, user: string, state: Uint8Array, atMs: number): void {
    let batch = this.#batches.at(-1)
    if (batch === undefined || batch.isFull || batch.encoders !== encoders) {
      batch = new RowBatch(encoders, this.#batchRows)
      this.#batches.push(batch)
    }
    batch.add(user, state, atMs)
    this.#rowsOfUser.set(user, (this.#rowsOfUser.get(user) ?? 0) + 1)
    this.#rows++
  }

  /** The first batch, which stays in the counts until `release`. */
  take(): RowBatch | undefined {
    return this.#batches.shift()
  }

  /** Ends a taken batch. */
  release(batch: RowBatch): void {
    this.#rows -= batch.users.length
    for (const user of batch.users) {
      const rows = this.#rowsOfUser.get(user)! - 1
      if (rows === 0) this.#rowsOfUser.delete(user)
      else this.#rowsOfUser.set(user, rows)
    }
  }
}
