import type { AppendPolicy } from '../record/append-policy.ts'
import type { StateKind } from '../record/state-record.ts'

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
  /** [E] as their source names them: keys of 1 … 512 bytes that are unique among a user's events. */
  readonly eventIds: readonly string[]
  /** [E] milliseconds since 1970. */
  readonly timesMs: Float64Array
  /** [E] 64 KiB each at most; the store does not interpret them. */
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
  /** Places of keys whose states nobody gave in time; none but where they may be missing. */
  readonly missing: ReadonlySet<number>
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
   * forgotten at that time or later. Absent: it is not checked whether the user was forgotten.
   */
  readonly featureTimeMs?: number
}
