import type { AppendPolicy } from '../record/append-policy.ts'
import type { StateKind } from '../record/state-record.ts'
import type { CheckReport } from './check.ts'
import type { ForgetHolder, ForgetOptions, ForgetReceipt } from './forget.ts'
import type { ReadBuffer } from './read-buffer.ts'
import type { AppendResult } from './row-outcomes.ts'
import type { RingSweep, SweepReport, TombstoneSweep } from './sweep.ts'

/**
 * Embeddings, states and events of one tenant's users and items. Keys are UTF-8 of 1 … 512 bytes without NUL. What a call
 * wrote is seen by every read that starts after the call resolved, and is durable once a later `flushed()` resolved.
 * U = users, D = dim of a model, E = events.
 */
export interface EmbeddingStore {
  /** Whether a group of states over several keys can be set whole (`store`), or only one of a single key (`key`). */
  readonly atomicity: 'store' | 'key'
  /**
   * Reads all users × models in one round trip into memory of the caller's. A model that nothing is held of is missing.
   *
   * @throws KeyError; RequestError where the buffer does not fit or there are more users than `maxBatchRows`;
   *   DimensionError where a ring is of another dim; StoreCorruptError, StoreFormatError
   */
  read(request: ReadRequest, into: ReadBuffer): Promise<void>
  /**
   * Adds one embedding a user to the rings of a model. Rows are told apart: a refused one leaves the others be.
   *
   * @throws KeyError, RequestError where the batch as a whole does not hold together
   */
  append(batch: AppendBatch): Promise<AppendResult>
  /**
   * Adds events to their users' in the order of the rows, of which each user's last `maxEvents` stay. An event whose id its
   * user's list holds already is a `duplicate` and changes nothing. Rows are told apart.
   *
   * @throws RequestError where the batch as a whole does not hold together
   */
  appendEvents(batch: EventBatch): Promise<AppendResult>
  /** Users' events, in the order in which they arrived. @throws KeyError, StoreCorruptError, StoreFormatError */
  readEvents(users: readonly string[]): Promise<EventColumns>
  /** Copies of states, checked against their checksums. @throws KeyError, StoreCorruptError, StoreFormatError */
  readStates(kind: StateKind, keys: readonly string[]): Promise<StateColumns>
  /**
   * Sets states whose versions are still as expected. Each group is written whole or not at all, say a user with an
   * item; groups are independent.
   *
   * @returns a value of `writeOutcome` for each group: 1 where it was written, 0 where a version had moved on, 2 where a
   *   user was forgotten at the state's `featureTimeMs` or later
   * @throws KeyError, or RequestError for a group over several keys where the atomicity is `key`, before anything is written
   */
  compareAndSetStates(groups: readonly (readonly StateWrite[])[]): Promise<Uint8Array>
  /**
   * Removes all that is held under a user, here and at the holders, and leaves a tombstone, so that no work of `atMs` or
   * before brings the user back: appends, events, and states that are set with their `featureTimeMs`.
   *
   * @throws KeyError; RequestError, FutureTimeError for a time that is none; ForgetError where a holder failed, once the
   *   store's own part is done
   */
  forget(user: string, options?: ForgetOptions): Promise<ForgetReceipt>
  /** [U] when users were last forgotten, −Infinity for those who were not, or not within the retention. @throws KeyError */
  forgottenAtMs(users: readonly string[]): Promise<Float64Array>
  /** Has a place beside the store take part in every `forget`, of all tenants. @returns what ends that */
  addForgetHolder(holder: ForgetHolder): () => void
  /** Removes expired rings of one model, a slice a call. @throws KeyError, RequestError */
  sweep(sweep: RingSweep): Promise<SweepReport>
  /** Removes tombstones past the store's retention, a slice a call. @throws RequestError */
  sweepTombstones(sweep: TombstoneSweep): Promise<SweepReport>
  /** Keys that have a state, in the byte order of their UTF-8; those that come or go meanwhile may be left out. */
  keys(kind: StateKind): AsyncIterable<string>
  /** Verifies every record of every tenant. */
  check(): Promise<CheckReport>
  /**
   * Bytes that the store takes, of all tenants, without a look at any record: on the disk, or in memory where nothing is on
   * a disk; null where that is a server's to tell.
   */
  sizeBytes(): number | null
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

/** One row an event. */
export interface EventBatch {
  readonly users: readonly string[]
  /** [E] as their source names them: keys of 1 … 512 bytes, which tell a user's events apart. */
  readonly eventIds: readonly string[]
  /** [E] milliseconds since 1970. */
  readonly timesMs: Float64Array
  /** [E] 64 KiB each at most; what they mean is not the store's matter. */
  readonly payloads: readonly Uint8Array[]
  readonly writtenMs: number
}

export interface EventColumns {
  /** [U + 1] user u has the events from place `offsets[u]` to before `offsets[u + 1]`, newest last. */
  readonly offsets: Uint32Array
  /** [E] */
  readonly timesMs: Float64Array
  /** [E] copies. */
  readonly payloads: readonly Uint8Array[]
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
  /** 16 MiB at most. */
  readonly state: Uint8Array
  /**
   * Users only: the earliest time of what this write adds to the state. The group is not written where the user was
   * forgotten at that time or later. Absent: nobody looks whether the user was forgotten.
   */
  readonly featureTimeMs?: number
}
