import type { Encoder } from './encoder.ts'

/** Encoders of all published models at one moment, by model. */
export type Encoders = ReadonlyMap<string, Encoder>

/** States of users as they were at their landing times, waiting for the encoders of that time. */
export class RowBatch {
  readonly encoders: Encoders
  readonly users: string[] = []
  readonly states: Uint8Array[] = []
  /** Times as of which the features are read, one a user. */
  readonly timesMs: number[] = []
  readonly #capacity: number

  constructor(encoders: Encoders, capacity: number) {
    this.encoders = encoders
    this.#capacity = capacity
  }

  get isFull(): boolean {
    return this.users.length === this.#capacity
  }

  add(user: string, state: Uint8Array, atMs: number): void {
    this.users.push(user)
    this.states.push(state)
    this.timesMs.push(atMs)
  }

  /** The same without one row. */
  without(row: number): RowBatch {
    const rest = new RowBatch(this.encoders, this.#capacity)
    for (const [i, user] of this.users.entries()) if (i !== row) rest.add(user, this.states[i], this.timesMs[i])
    return rest
  }
}
