/** The users whose vectors are compared from snapshot to snapshot. Shape letters: U users, D width. */
import type { FeatureSpace } from '@headwater/features'
import type { ServedTower } from '@headwater/runtime'
import type { EmbeddingStore } from '@headwater/store'
import { type DriftRound, drift } from '../geometry/drift.ts'

/** Embeddings [U, D] of states, as one snapshot sees them at one moment. */
async function embed(
  space: FeatureSpace,
  tower: ServedTower,
  states: readonly Uint8Array[],
  nowMs: number,
): Promise<Float32Array> {
  if (states.length === 0) return new Float32Array(0)
  const batch = space.allocate('user', states.length)
  for (const [row, state] of states.entries()) space.encodeUser(batch, row, state, nowMs)
  return tower.encode(batch)
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
  from: ServedTower,
  to: ServedTower,
): Promise<DriftRound> {
  const { states } = await store.readStates('user', panel)
  const known = states.filter((state) => state !== undefined)
  const before = await embed(space, from, known, nowMs)
  const after = await embed(space, to, known, nowMs)
  return {
    fromSnapshot: from.manifest.snapshot,
    toSnapshot: to.manifest.snapshot,
    ...drift(before, after, from.dim),
  }
}
