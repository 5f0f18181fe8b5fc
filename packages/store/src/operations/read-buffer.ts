import { maxDim } from '../record/ring.ts'
import { checkName } from '../validation/keys.ts'
import { checkInteger } from '../validation/numbers.ts'

/**
 * `expired`: held, but older than the read allows; its tag is given, its vectors are zero. `unavailable`: no server of
 * those that may hold it answered in time; the row is as a missing one's.
 */
export const readStatus = { missing: 0, found: 1, expired: 2, unavailable: 3 } as const

/** What a read gives for one model, columnar. U = users, D = dim. Rows beyond the read's users are left as they were. */
export interface ModelColumns {
  readonly model: string
  readonly dim: number
  /**
   * [U, D] average of the ring's newest embeddings of one frame; zero where the status is not `found`. Empty where `halves`
   * are asked for.
   */
  readonly pooled: Float32Array
  /** [U, D] the same as binary16 patterns, which is how a ring holds it; null where they are not asked for. */
  readonly halves: Uint16Array | null
  /** [U, D, 2] the memory of `halves`. */
  readonly halfBytes: Uint8Array | null
  /** [U, D] the newest embedding, or null if it is not asked for. */
  readonly latest: Float32Array | null
  /** [U] of the newest embedding, as are the three below; zero where missing or unavailable. */
  readonly snapshot: Uint32Array
  readonly frame: Uint32Array
  readonly featureTimeMs: Float64Array
  readonly writtenMs: Float64Array
  /** [U] values of `readStatus`. */
  readonly status: Uint8Array
}

/** Memory for reads of up to `capacity` users, owned and reused by the caller. */
export interface ReadBuffer {
  readonly capacity: number
  readonly models: readonly ModelColumns[]
}

/** @throws RequestError, KeyError */
export function createReadBuffer(
  capacity: number,
  models: readonly {
    readonly model: string
    readonly dim: number
    readonly latest?: boolean
    readonly halves?: boolean
  }[],
): ReadBuffer {
  checkInteger('capacity', capacity, 0)
  return {
    capacity,
    models: models.map(({ model, dim, latest = false, halves = false }) => {
      checkName('model', model)
      checkDimension(model, dim)
      const patterns = halves ? new Uint16Array(capacity * dim) : null
      return {
        model,
        dim,
        pooled: new Float32Array(halves ? 0 : capacity * dim),
        halves: patterns,
        halfBytes: patterns === null ? null : new Uint8Array(patterns.buffer),
        latest: latest ? new Float32Array(capacity * dim) : null,
        snapshot: new Uint32Array(capacity),
        frame: new Uint32Array(capacity),
        featureTimeMs: new Float64Array(capacity),
        writtenMs: new Float64Array(capacity),
        status: new Uint8Array(capacity),
      }
    }),
  }
}

/** @throws RequestError */
export function checkDimension(model: string, dim: number): void {
  checkInteger(`dim of model "${model}"`, dim, 1, maxDim)
}
