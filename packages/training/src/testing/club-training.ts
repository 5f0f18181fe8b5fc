/** A world small enough to reason about: whether a user of a club clicks an item of a kind. */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { declareTower, type TowerConfig, Weights } from '@headwater/runtime'
import type { SeededRandom } from '@headwater/statistics'
import { initialize } from '../initialize.ts'
import type { Rates } from '../optimizer-step.ts'
import { type TrainingBatch, TrainStep } from '../train-step.ts'

// A user belongs to one of 4 clubs, an item to one of 8 kinds.
const userLayout: SideLayout = {
  dense: ['noise'],
  bags: [{ name: 'club', buckets: 4, maxValues: 1 }],
  sequence: null,
}
const itemLayout: SideLayout = {
  dense: ['noise'],
  bags: [{ name: 'kind', buckets: 8, maxValues: 1 }],
  sequence: null,
}
const config: TowerConfig = {
  embeddings: 1,
  width: 16,
  sparseWidth: 8,
  hidden: 24,
  dropout: 0,
  dots: 4,
  mixHidden: 16,
}
export const rates: Rates = { dense: 1e-2, tables: 0.1, weightDecay: 0.01 }
/** R, rows of a step. */
export const R = 64

/** Both towers with their step, freshly initialized. */
export function clubTraining(
  device: GpuDevice,
  options: { seed?: number; tasks?: number; dropout?: number; maxNorm?: number } = {},
) {
  const { seed = 1, tasks = 1, dropout = 0, maxNorm = 0 } = options
  const tower = declareTower(userLayout, itemLayout, tasks, { ...config, dropout })
  const weights = new Weights(device, tower.set, true)
  initialize(weights, seed)
  const step = new TrainStep(device, tower, weights, R, new Array(tasks).fill(1), maxNorm)
  return { weights, step }
}

const side = (ids: readonly number[], random: SeededRandom): SideBatch => ({
  rows: ids.length,
  dense: Float32Array.from(ids, () => random.nextNormal()),
  bags: [{ ids: Uint32Array.from(ids), lengths: new Uint32Array(ids.length).fill(1) }],
  sequence: null,
})

/** Random users and items; `label` decides of club and kind. */
export function clubBatch(
  random: SeededRandom,
  label: (club: number, kind: number) => number,
  rows = R,
): TrainingBatch {
  const clubs = Array.from({ length: rows }, () => random.nextBelow(4))
  const kinds = Array.from({ length: rows }, () => random.nextBelow(8))
  return {
    rows,
    user: side(clubs, random),
    item: side(kinds, random),
    labels: Uint8Array.from(clubs, (club, r) => label(club, kinds[r])),
  }
}

/** Every parameter and table by name. */
export async function bits(weights: Weights): Promise<Map<string, Float32Array>> {
  const all = new Map<string, Float32Array>()
  for (const { name } of weights.set.entries()) all.set(name, await weights.read(name))
  return all
}
