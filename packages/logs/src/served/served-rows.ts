/** Served rows as columns. R rows, D_r values of row r's vector. */
import type { Vectors } from '../parquet/columns.ts'

export interface ServedRows {
  /** R */
  readonly rows: number
  /** [R], as are all but the vectors' values. */
  readonly request: readonly (string | null)[]
  readonly tenant: readonly string[]
  readonly user: readonly string[]
  readonly model: readonly string[]
  /** Milliseconds since 1970, as is `featureTimeMs`. */
  readonly servedMs: Float64Array
  /** Of the newest embedding, as are frame and feature time; 0 where the default is served. */
  readonly snapshot: Uint32Array
  readonly frame: Uint32Array
  readonly featureTimeMs: Float64Array
  /** Values of `servedStatus`. */
  readonly status: Uint32Array
  readonly vector: Vectors
  /** The newest embedding, of models for which it is kept: of others, rows have no values. */
  readonly latest: Vectors
}

/** The rows of which `keep` holds, in their order. */
export function selectRows({ rows, ...columns }: ServedRows, keep: (row: number) => boolean): ServedRows {
  const chosen = Array.from({ length: rows }, (_, row) => row).filter(keep)
  const selected = Object.entries(columns).map(([name, column]) => {
    if ('dims' in column) return [name, selectVectors(column, chosen)]
    // Arrays of every type have it.
    return [name, (column as readonly unknown[]).filter((_, row) => keep(row))]
  })
  return { rows: chosen.length, ...Object.fromEntries(selected) }
}

function selectVectors({ dims, halves }: Vectors, chosen: readonly number[]): Vectors {
  const keptDims = Uint32Array.from(chosen, (row) => dims[row])
  const [from, to] = [vectorOffsets(dims), vectorOffsets(keptDims)]
  const kept = new Uint16Array(to[chosen.length])
  for (const [i, row] of chosen.entries()) kept.set(halves.subarray(from[row], from[row + 1]), to[i])
  return { dims: keptDims, halves: kept }
}

/** [R + 1] where each row's values begin; behind the last, where they end. */
export function vectorOffsets(dims: Uint32Array): Uint32Array {
  const offsets = new Uint32Array(dims.length + 1)
  for (let row = 0; row < dims.length; row++) offsets[row + 1] = offsets[row] + dims[row]
  return offsets
}
