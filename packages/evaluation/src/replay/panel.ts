/** The users whose vectors are compared from snapshot to snapshot. */
import type { FeatureSpace } from '@headwater/features'
import type { ServedTower } from '@headwater/runtime'
import type { EmbeddingStore } from '@headwater/store'
import { type DriftRound, drift } from '../geometry/drift.ts'

/** Of all users in order, evenly spaced, so that the same log gives the same panel. */
export function panelOf(users: readonly string[], size: number): string[] {
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
  const batch = space.allocate('user', known.length)
  for (const [row, state] of known.entries()) space.encodeUser(batch, row, state, nowMs)
  const encode = async (tower: ServedTower) => (known.length === 0 ? new Float32Array(0) : tower.encode(batch))
  return {
    fromSnapshot: from.manifest.snapshot,
    toSnapshot: to.manifest.snapshot,
    ...drift(await encode(from), await encode(to), from.dim),
  }
}
