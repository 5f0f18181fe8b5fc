/** Served batches drawn at random. D = dim of a model. */

import { floatToHalf } from '@headwater/binary16'
import type { ServedBatch } from '@headwater/pooling'
import type { SeededRandom } from '@headwater/statistics'

export interface Dims {
  readonly [model: string]: number
}

/** Vectors hold values that half precision holds exactly; of some models they are given in both forms. */
export function servedBatch(random: SeededRandom, users: readonly string[], servedMs: number, dims: Dims): ServedBatch {
  const values = (count: number) => Float32Array.from({ length: count }, () => random.nextBelow(4096) / 128 - 16)
  return {
    users,
    servedMs,
    models: Object.entries(dims).map(([model, dim]) => {
      const vectors = values(users.length * dim)
      return {
        model,
        dim,
        vectors,
        halves: random.nextBelow(2) === 0 ? null : Uint16Array.from(vectors, floatToHalf),
        latest: values(users.length * dim),
        status: Uint8Array.from(users, () => random.nextBelow(3)),
        snapshot: Uint32Array.from(users, () => random.nextBelow(2 ** 32)),
        frame: Uint32Array.from(users, () => random.nextBelow(9)),
        // Whole microseconds, which files keep.
        featureTimeMs: Float64Array.from(users, () => servedMs - random.nextBelow(4e6) / 4),
        ageMs: new Float64Array(users.length),
        computed: null,
      }
    }),
  }
}

export interface ExpectedRow {
  request: string | null
  tenant: string
  user: string
  model: string
  served_ms: number
  snapshot: number
  frame: number
  feature_time_ms: number
  status: number
  vector: number[]
  latest: number[] | null
}

/** The rows that a batch is logged as, in their order. */
export function expectedRows(
  { users, servedMs, models }: ServedBatch,
  request: string | null,
  tenant: string,
  latestOf: readonly string[],
): ExpectedRow[] {
  return models.flatMap(({ model, dim, vectors, latest, status, snapshot, frame, featureTimeMs }) =>
    users.map((user, u) => ({
      request,
      tenant,
      user,
      model,
      served_ms: servedMs,
      snapshot: snapshot[u],
      frame: frame[u],
      feature_time_ms: featureTimeMs[u],
      status: status[u],
      vector: [...vectors.subarray(u * dim, (u + 1) * dim)],
      latest: latestOf.includes(model) ? [...latest!.subarray(u * dim, (u + 1) * dim)] : null,
    })),
  )
}
