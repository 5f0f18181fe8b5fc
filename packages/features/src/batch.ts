/** Shape letters: R rows, D dense width, M values a bag at most, L sequence length. */

/** A hashed categorical feature: up to M ids a row, averaged after lookup. */
export interface BagLayout {
  readonly name: string
  /** Rows of its embedding table. */
  readonly buckets: number
  /** M */
  readonly maxValues: number
}

/** One side's model inputs (user, or item with context), derived from the schema. */
export interface SideLayout {
  /** Names of the dense columns, D of them. */
  readonly dense: readonly string[]
  readonly bags: readonly BagLayout[]
  /** User side only. */
  readonly sequence: { readonly length: number; readonly buckets: number; readonly channels: number } | null
}

/** Encoded rows of one side, columnar. */
export interface SideBatch {
  readonly rows: number
  /** [R, D] */
  readonly dense: Float32Array
  /** Per bag: ids [R, M] (unused places 0) and lengths [R]. */
  readonly bags: readonly { readonly ids: Uint32Array; readonly lengths: Uint32Array }[]
  /** ids [R, L] oldest first in places 0 … length − 1, channels [R, L, C], lengths [R]. */
  readonly sequence: {
    readonly ids: Uint32Array
    readonly channels: Float32Array
    readonly lengths: Uint32Array
  } | null
}
