/** The users whose vectors are compared from snapshot to snapshot. Shape letters: U users, D width. */
import type { FeatureSpace } from '@headwater/features'
import type { UserEncoder } from '@headwater/runtime'
import type { EmbeddingStore } from '@headwater/store'
import { drift } from '../drift.ts'
import type { DriftRound } from '../report/result.ts'

/** Embeddings [U, D] of states, as one snapshot sees them at one moment. */
async function embed(
  space: FeatureSpace,
  encoder: UserEncoder,
  states: readonly Uint8Array[],
  nowMs: number,
): Promise<Float32Array> {
  const vectors = new Float32Array(states.length * encoder.dim)
  const batch = space.allocate('user', encoder.maxRows)
  for (let from = 0; from < states.length; from += encoder.maxRows) {
    const part = states.slice(from, from + encoder.maxRows)
    for (const [row, state] of part.entries()) space.encodeUser(batch, row, state, nowMs)
    vectors.set(await encoder.encode({ ...batch, rows: part.length }), from * encoder.dim)
  }
  return vectors
}

/** Evenly spaced users of the store, in key order, so that the same log gives the same panel. */
export async function choosePanel(store: EmbeddingStore, size: number): Promise<string[]> {
  const users: string[] = []
  for await (const user of store.keys('user')) users.push(user)
  const step = Math.max(1, users.length / size)
  return Array.from({ length: Math.min(size, users.length) }, (_, i) => users[Math.floor(i * step)])
}

/** How far the panel's vectors move between two snapshots, on the features they have now. */
export async function panelDrift(
  space: FeatureSpace,
  store: EmbeddingStore,
  panel: readonly string[],
  nowMs: number,
  from: { readonly snapshot: number; readonly encoder: UserEncoder },
  to: { readonly snapshot: number; readonly encoder: UserEncoder },
): Promise<DriftRound> {
  const { states } = await store.readStates('user', panel)
  const known = states.filter((state) => state !== undefined)
  const before = await embed(space, from.encoder, known, nowMs)
  const after = await embed(space, to.encoder, known, nowMs)
  return { fromSnapshot: from.snapshot, toSnapshot: to.snapshot, ...drift(before, after, from.encoder.dim) }
}
