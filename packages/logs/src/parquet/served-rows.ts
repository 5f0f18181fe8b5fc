/** Served rows as columns. R rows, D_r values of row r's vector. */

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
  readonly vector: ServedVectors
  /** The newest embedding, of models for which it is kept: of others, rows have no values. */
  readonly latest: ServedVectors
}

export interface ServedVectors {
  /** [R] D of each row, 0 where there is none. */
  readonly dims: Uint32Array
  /** [Σ D] binary16, row after row. */
  readonly halves: Uint16Array
}

/** The rows of which `keep` holds, in their order. */
export function selectRows(from: ServedRows, keep: (row: number) => boolean): ServedRows {
  const chosen = Array.from({ length: from.rows }, (_, row) => row).filter(keep)
  return {
    rows: chosen.length,
    request: chosen.map((row) => from.request[row]),
    tenant: chosen.map((row) => from.tenant[row]),
    user: chosen.map((row) => from.user[row]),
    model: chosen.map((row) => from.model[row]),
    servedMs: Float64Array.from(chosen, (row) => from.servedMs[row]),
    snapshot: Uint32Array.from(chosen, (row) => from.snapshot[row]),
    frame: Uint32Array.from(chosen, (row) => from.frame[row]),
    featureTimeMs: Float64Array.from(chosen, (row) => from.featureTimeMs[row]),
    status: Uint32Array.from(chosen, (row) => from.status[row]),
    vector: selectVectors(from.vector, chosen),
    latest: selectVectors(from.latest, chosen),
  }
}

function selectVectors({ dims, halves }: ServedVectors, chosen: readonly number[]): ServedVectors {
  const offsets = vectorOffsets(dims)
  const into = new Uint16Array(chosen.reduce((sum, row) => sum + dims[row], 0))
  let at = 0
  for (const row of chosen) {
    into.set(halves.subarray(offsets[row], offsets[row + 1]), at)
    at += dims[row]
  }
  return { dims: Uint32Array.from(chosen, (row) => dims[row]), halves: into }
}

/** [R + 1] where each row's values begin; behind the last, where they end. */
export function vectorOffsets(dims: Uint32Array): Uint32Array {
  const offsets = new Uint32Array(dims.length + 1)
  for (let row = 0; row < dims.length; row++) offsets[row + 1] = offsets[row] + dims[row]
  return offsets
}
