/** The users whose vectors are compared from snapshot to snapshot. */
import type { FeatureSpace } from '@headwater/features'
import type { ServedTower } from '@headwater/runtime'
import { effectiveRank, type VectorChange, vectorChange } from '@headwater/statistics'
import type { EmbeddingStore } from '@headwater/store'

/** Of all users in order, evenly spaced, so that the same log gives the same panel. */
export function panelOf(users: readonly string[], size: number): string[] {
  const step = Math.max(1, users.length / size)
  return Array.from({ length: Math.min(size, users.length) }, (_, i) => users[Math.floor(i * step)])
}

/** Between the published vectors of two snapshots, of the same users' features. */
export interface DriftRound extends VectorChange {
  readonly fromSnapshot: number
  readonly toSnapshot: number
  /** The later one could not be lined up with the one before, and is not averaged with it. */
  readonly opensFrame: boolean
  /** Of the later one. */
  readonly effectiveRank: number
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
  const [before, after] = [await from.encode(batch), await to.encode(batch)]
  return {
    fromSnapshot: from.manifest.snapshot,
    toSnapshot: to.manifest.snapshot,
    opensFrame: from.manifest.frame !== to.manifest.frame,
    ...vectorChange(before, after, from.dim),
    effectiveRank: effectiveRank(after, to.dim),
  }
}
