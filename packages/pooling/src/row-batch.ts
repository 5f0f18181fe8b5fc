import type { FeatureSpace, SideBatch } from '@headwater/features'
import type { Encoder } from './encoder.ts'

/** Encoders of all published models at one moment, by model. */
export type Encoders = ReadonlyMap<string, Encoder>

/** Features of users, read at their landing times, that wait for the encoders of that time. */
export class RowBatch {
  readonly encoders: Encoders
  readonly memory: SideBatch
  readonly users: string[] = []
  readonly #featureTimeMs: Float64Array

  constructor(encoders: Encoders, memory: SideBatch) {
    this.encoders = encoders
    this.memory = memory
    this.#featureTimeMs = new Float64Array(memory.rows)
  }

  get isFull(): boolean {
    return this.users.length === this.memory.rows
  }

  /** [rows] times as of which the features were read. */
  get featureTimeMs(): Float64Array {
    return this.#featureTimeMs.subarray(0, this.users.length)
  }

  /** @throws StateError */
  add(space: FeatureSpace, user: string, state: Uint8Array, atMs: number): void {
    const row = this.users.length
    space.encodeUser(this.memory, row, state, atMs)
    this.#featureTimeMs[row] = atMs
    this.users.push(user)
  }

  /** The rows in use, in the same memory. */
  rows(): SideBatch {
    return firstRows(this.memory, this.users.length)
  }
}

function firstRows(batch: SideBatch, rows: number): SideBatch {
  const cut = <A extends Float32Array | Uint32Array>(array: A): A =>
    array.subarray(0, (array.length / batch.rows) * rows) as A
  const { sequence } = batch
  return {
    rows,
    dense: cut(batch.dense),
    bags: batch.bags.map(({ ids, lengths }) => ({ ids: cut(ids), lengths: cut(lengths) })),
    sequence: sequence && {
      ids: cut(sequence.ids),
      channels: cut(sequence.channels),
      lengths: cut(sequence.lengths),
    },
  }
}
