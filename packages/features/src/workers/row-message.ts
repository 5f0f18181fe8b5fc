import type { SideBatch } from '../batch/batch.ts'
import type { Schema } from '../schema/schema.ts'

/** Memory of a call's rows; it moves to the worker and back, and is used again. Shape letters: R rows. */
export interface RowInputs {
  /** [R, bytes of a user's state] */
  readonly states: Uint8Array<ArrayBuffer>
  /** [R], milliseconds since 1970 */
  readonly nowMs: Float64Array<ArrayBuffer>
}

export interface RowRequest extends RowInputs {
  readonly call: number
  readonly rows: number
}

/** Exactly one of `batch` and `error` is there. */
export interface RowReply extends RowInputs {
  readonly call: number
  readonly batch?: SideBatch
  readonly error?: { readonly row: number; readonly message: string }
}

/** What a worker is started with. */
export interface RowWorkerData {
  readonly schema: Schema
  readonly isIdle: boolean
  readonly cpus: string | null
}
