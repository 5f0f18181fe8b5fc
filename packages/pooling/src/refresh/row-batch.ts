import type { Encoder } from '../contracts/encoder.ts'
import type { Refresh } from './offer-queue.ts'

/** Encoders of all published models at one moment, by model. */
export type Encoders = ReadonlyMap<string, Encoder>

/** States of users as they were when they were captured, waiting for the encoders of that time. */
export class RowBatch {
  readonly encoders: Encoders
  readonly refreshes: Refresh[] = []
  readonly users: string[] = []
  readonly states: Uint8Array[] = []
  /** Times as of which the features are read, one a user. */
  readonly timesMs: number[] = []
  /** Users that were forgotten once it was on its way. */
  readonly forgotten = new Set<string>()
  readonly #capacity: number

  constructor(encoders: Encoders, capacity: number) {
    this.encoders = encoders
    this.#capacity = capacity
  }

  get isFull(): boolean {
    return this.users.length === this.#capacity
  }

  add(refresh: Refresh, state: Uint8Array): void {
    this.refreshes.push(refresh)
    this.users.push(refresh.user)
    this.states.push(state)
    this.timesMs.push(refresh.atMs)
  }

  without(row: number): RowBatch {
    const rest = new RowBatch(this.encoders, this.#capacity)
    for (const [i, refresh] of this.refreshes.entries()) if (i !== row) rest.add(refresh, this.states[i])
    return rest
  }
}
