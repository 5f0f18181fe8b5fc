import type { StoreError } from './errors.ts'
import type { ReadBuffer } from './read-buffer.ts'
import type { AppendPolicy } from './ring.ts'
import type { StateKind } from './state-record.ts'

/**
 * Embeddings and states of one tenant's users and items. Keys are UTF-8 of 1 … 512 bytes without NUL. What a call wrote
 * is seen by every read that starts after the call resolved, and is durable once a later `flushed()` resolved.
 * U = users, D = dim of a model.
 */
export interface EmbeddingStore {
  /**
   * Reads all users × models in one round trip into memory of the caller's.
   *
   * @throws KeyError; RequestError where the buffer does not fit; StoreCorruptError, StoreFormatError
   */
  read(request: ReadRequest, into: ReadBuffer): Promise<void>
  /**
   * Adds one embedding a user to the rings of a model. Rows are told apart: a refused one leaves the others be.
   *
   * @throws RequestError where the batch as a whole does not hold together
   */
  append(batch: AppendBatch): Promise<AppendResult>
  /** Copies of states, checked against their checksums. @throws KeyError, StoreCorruptError, StoreFormatError */
  readStates(kind: StateKind, keys: readonly string[]): Promise<StateColumns>
  /**
   * Sets states whose versions are still as expected. Each group is written whole or not at all, say a user with an
   * item; groups are independent.
   *
   * @returns 1 for each group that was written, 0 where a version had moved on
   * @throws KeyError, before anything is written
   */
  compareAndSetStates(groups: readonly (readonly StateWrite[])[]): Promise<Uint8Array>
  /** Removes all that is held under a user: state and rings. @throws KeyError */
  forget(user: string): Promise<ForgetReceipt>
  /** Keys that have a state, in the byte order of their UTF-8; those that come or go meanwhile may be left out. */
  keys(kind: StateKind): AsyncIterable<string>
  /** Verifies every record of every tenant. */
  check(): Promise<CheckReport>
  /** Resolves when all writes made before the call are on the disk and survive a loss of power. @throws StoreWriteError */
  flushed(): Promise<void>
  /** The same store for another tenant; closing either closes both. @throws KeyError */
  forTenant(tenant: string): EmbeddingStore
  /** Flushes and closes; later calls throw StoreClosedError. */
  close(): Promise<void>
}

export interface ReadRequest {
  readonly users: readonly string[]
  /** One an entry of the buffer, in its order. */
  readonly models: readonly ModelRead[]
}

export interface ModelRead {
  readonly model: string
  /** Rings whose newest feature time is before this are `expired`. Absent: none are. */
  readonly expiredBeforeMs?: number
}

export interface AppendBatch {
  readonly model: string
  readonly dim: number
  readonly users: readonly string[]
  /** [U, D] */
  readonly vectors: Float32Array
  readonly snapshot: number
  readonly frame: number
  /** [U] time up to which each row's features go, milliseconds since 1970. */
  readonly featureTimeMs: Float64Array
  readonly writtenMs: number
  readonly policy: AppendPolicy
}

/** Values of `AppendResult.outcomes`. */
export const appendOutcome = { written: 0, duplicate: 1, older: 2, refused: 3 } as const

export interface AppendResult {
  /** [U] values of `appendOutcome`. */
  readonly outcomes: Uint8Array
  readonly refusals: readonly { readonly row: number; readonly error: StoreError }[]
}

export interface StateColumns {
  readonly states: readonly (Uint8Array | undefined)[]
  /** What `compareAndSetStates` expects; 0 where there is no state. */
  readonly versions: Uint32Array
}

export interface StateWrite {
  readonly kind: StateKind
  readonly key: string
  /** Version of the state it was made from, 0 for none. */
  readonly expected: number
  readonly state: Uint8Array
}

export interface ForgetReceipt {
  readonly user: string
  readonly tenant: string
  /** Rings removed, one a model. */
  readonly rings: number
  /** States removed, 0 or 1. */
  readonly states: number
}

export interface CheckReport {
  readonly records: number
  readonly bytes: number
  readonly faults: readonly { readonly address: string; readonly error: StoreError }[]
}
