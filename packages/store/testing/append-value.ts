import type { AppendResult, EmbeddingStore } from '../src/index.ts'

/** Appends a vector of eight times `value` for each user to the model `m`, of a snapshot of that number. */
export function appendValue(store: EmbeddingStore, users: readonly string[], value: number): Promise<AppendResult> {
  return store.append({
    model: 'm',
    dim: 8,
    users,
    vectors: new Float32Array(8 * users.length).fill(value),
    snapshot: value,
    frame: 0,
    featureTimeMs: new Float64Array(users.length).fill(1_000 + value),
    writtenMs: 1_000 + value,
    policy: { slots: 3, count: 3, slot: 'snapshot' },
  })
}
