/** A world small enough to reason about: whether a user of a club clicks an item of a kind. */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import type { BindingLimits } from '@headwater/kernels'
import { declareTower, type ModelConfig, Weights } from '@headwater/runtime'
import type { SeededRandom } from '@headwater/statistics'
import type { TrainingBatch } from '../examples/training-batch.ts'
import { initialize } from '../step/initialize.ts'
import type { Rates } from '../step/optimizer-step.ts'
import { TrainStep } from '../step/train-step.ts'

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
const config: ModelConfig = {
  user: {
    tokenWidth: 8,
    tokens: [
      { kind: 'dense', tokens: 1 },
      { kind: 'bags', pooling: 'mean' },
      { kind: 'events', pooled: 1 },
    ],
    levels: [{ extractors: [{ kind: 'mlp', tokens: 2, hidden: 24 }], residual: true, dense: true }],
  },
  embeddings: { count: 1, width: 16, norm: { kind: 'layer' } },
  mix: { width: 8, interaction: { kind: 'grouped', dots: 4 }, hidden: [16] },
}
/** Clubs and kinds, declared. */
export const clubTower = { user: userLayout, item: itemLayout, config }
export const rates: Rates = { dense: 1e-2, tables: 0.1, weightDecay: 0.01 }
/** R, rows of a step. */
export const R = 64

/** Both towers with their step, freshly initialized. */
export function clubTraining(
  device: GpuDevice,
  options: {
    seed?: number
    tasks?: number
    dropout?: number
    maxNorm?: number
    limits?: BindingLimits
    kinds?: number
  } = {},
) {
  const { seed = 1, tasks = 1, dropout = 0, maxNorm = 0, limits = device.limits, kinds = 8 } = options
  const item = { ...itemLayout, bags: [{ ...itemLayout.bags[0], buckets: kinds }] }
  const tower = declareTower(userLayout, item, tasks, { ...config, ...(dropout > 0 ? { dropout } : {}) })
  const weights = new Weights(device, tower.set, true, limits)
  initialize(weights, seed)
  const step = new TrainStep(device, tower, weights, R, new Array(tasks).fill(1), maxNorm)
  return { tower, weights, step }
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
  kindCount = 8,
): TrainingBatch {
  const clubs = Array.from({ length: rows }, () => random.nextBelow(4))
  const kinds = Array.from({ length: rows }, () => random.nextBelow(kindCount))
  return {
    rows,
    user: side(clubs, random),
    item: side(kinds, random),
    labels: Uint8Array.from(clubs, (club, r) => label(club, kinds[r])),
    labelWeights: new Float32Array(rows).fill(1),
    timeMs: new Float64Array(rows),
  }
}

/** Every parameter and table by name. */
export async function bits(weights: Weights): Promise<Map<string, Float32Array>> {
  const all = new Map<string, Float32Array>()
  for (const { name } of weights.set.entries()) all.set(name, await weights.read(name))
  return all
}
