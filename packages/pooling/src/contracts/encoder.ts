import type { SideBatch } from '@headwater/features'

/**
 * A snapshot's user tower, ready to run. A row's embedding must not depend on the rows beside it: which users share a
 * batch is a matter of timing.
 */
export interface Encoder {
  readonly snapshot: number
  /** Alignment frame of its embeddings. */
  readonly frame: number
  /** No event at or after this time was trained on, milliseconds since 1970. */
  readonly dataCutoffMs: number
  readonly dim: number
  /** Encodes all rows of a batch, one a user; gives [rows, dim]. The batch's memory is reused once this resolved. */
  encode(batch: SideBatch, users: readonly string[]): Promise<Float32Array>
}
