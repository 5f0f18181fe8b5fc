/** Shape letters: R rows, D dense width, M values a bag at most, L sequence length, C channels. */

/** A hashed categorical feature: up to M ids a row, averaged after lookup. */
export interface BagLayout {
  readonly name: string
  /** Rows of its embedding table. */
  readonly buckets: number
  /** M */
  readonly maxValues: number
}

/** A categorical value that is kept with every event of the sequence. */
export interface SequenceCategory {
  readonly name: string
  /** Rows of its embedding table; bucket 0 is that of a missing value. */
  readonly buckets: number
}

/** One side's model inputs (user, or item with context), derived from the schema. */
export interface SideLayout {
  /** Names of the dense columns, D of them. */
  readonly dense: readonly string[]
  readonly bags: readonly BagLayout[]
  /** User side only. */
  readonly sequence: {
    /** L */
    readonly length: number
    /** Rows of the table of items. */
    readonly buckets: number
    /** C */
    readonly channels: number
    /** The last of the channels, by which sums of events may be weighed. */
    readonly weights: number
    readonly categories: readonly SequenceCategory[]
  } | null
}

/** Encoded rows of one side, columnar. */
export interface SideBatch {
  readonly rows: number
  /** [R, D] */
  readonly dense: Float32Array
  /** Per bag: ids [R, M] (unused places 0) and lengths [R]. */
  readonly bags: readonly { readonly ids: Uint32Array; readonly lengths: Uint32Array }[]
  /** Oldest first in places 0 … length − 1, all 0 behind: ids [R, L], channels [R, L, C], lengths [R], each category [R, L]. */
  readonly sequence: {
    readonly ids: Uint32Array
    readonly channels: Float32Array
    readonly lengths: Uint32Array
    readonly categories: readonly Uint32Array[]
  } | null
}
