import type { FeatureSpace, SideBatch } from '@headwater/features'
import { type Encoders, RowBatch } from './row-batch.ts'

/** Batches of feature rows in the order they were read, with memory that is used again. */
export class RowBatches {
  readonly #space: FeatureSpace
  readonly #batchRows: number
  readonly #spare: SideBatch[] = []
  readonly #rowsOfUser = new Map<string, number>()
  #batches: RowBatch[] = []
  #rows = 0

  constructor(space: FeatureSpace, batchRows: number) {
    this.#space = space
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

  /** @throws StateError */
  add(encoders: Encoders, user: string, state: Uint8Array, atMs: number): void {
    let batch = this.#batches.at(-1)
    if (batch === undefined || batch.isFull || batch.encoders !== encoders) {
      batch = new RowBatch(encoders, this.#spare.pop() ?? this.#space.allocate('user', this.#batchRows))
      this.#batches.push(batch)
    }
    batch.add(this.#space, user, state, atMs)
    this.#rowsOfUser.set(user, (this.#rowsOfUser.get(user) ?? 0) + 1)
    this.#rows++
  }

  /** The first batch, which stays in the counts until `release`. */
  take(): RowBatch | undefined {
    return this.#batches.shift()
  }

  /** Ends a taken batch and takes its memory back. */
  release(batch: RowBatch): void {
    this.#spare.push(batch.memory)
    this.#rows -= batch.users.length
    for (const user of batch.users) {
      const rows = this.#rowsOfUser.get(user)! - 1
      if (rows === 0) this.#rowsOfUser.delete(user)
      else this.#rowsOfUser.set(user, rows)
    }
  }
}
