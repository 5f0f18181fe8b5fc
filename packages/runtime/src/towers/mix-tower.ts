/**
 * The mix tower sees the user embeddings, item and context, and no other user feature:
 *   v = X W_v + b_v;  Z = [embeddings | G grouped dots of embeddings and v];  H = ReLU(Z W_z + X W_x + b);  logits = H W_t + b_t
 * Shape letters: R rows, K embeddings of D, G dots, T tasks.
 */
import type { SideLayout } from '@headwater/features'
import { groupedDotBackward, groupedDotForward, padded } from '@headwater/kernels'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { reluDropoutBackward } from '../layers/relu.ts'
import { declareSparseInputs, type SparseInputBatch, type SparseInputs } from '../layers/sparse-inputs.ts'
import type { ParameterSet, Weights } from '../parameters.ts'
import type { Recorder } from '../plan/recorder.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import type { TowerConfig } from './config.ts'

export interface MixTower {
  readonly config: TowerConfig
  readonly inputs: SparseInputs
  readonly itemVector: Linear
  readonly fromInteraction: Linear
  readonly fromItem: Linear
  readonly heads: Linear
  readonly tasks: number
}

export interface SavedMix {
  readonly z: Tensor
  readonly v: Tensor
  readonly hidden: Tensor
  /** [R, T] */
  readonly logits: Tensor
}

export function declareMixTower(set: ParameterSet, layout: SideLayout, tasks: number, config: TowerConfig): MixTower {
  const inputs = declareSparseInputs(set, 'item', layout, config.sparseWidth)
  const joint = config.embeddings * config.width
  const zColumns = joint + padded(config.dots)
  return {
    config,
    inputs,
    tasks,
    itemVector: declareLinear(set, 'mix.item-vector', inputs.columns, joint, { inputGradient: true }),
    fromInteraction: declareLinear(set, 'mix.from-interaction', zColumns, config.mixHidden, {
      bias: false,
      inputGradient: true,
    }),
    fromItem: declareLinear(set, 'mix.from-item', inputs.columns, config.mixHidden, { inputGradient: true }),
    heads: declareLinear(set, 'mix.heads', config.mixHidden, tasks, { inputGradient: true }),
  }
}

/** Z [R, K·D + G], into whose first K·D columns the user tower writes. */
export function interactionTensor(rec: Recorder, { config }: MixTower, rows: number): Tensor {
  return rec.tensor('Z', rows, config.embeddings * config.width + padded(config.dots))
}

function dotShape({ config }: MixTower, rows: number, z: Tensor, v: Tensor) {
  const joint = config.embeddings * config.width
  return {
    R: rows,
    G: config.dots,
    W4: joint / config.dots / 4,
    zIn: 0,
    zOut: joint,
    zRow: z.stride / 4,
    vRow: v.stride / 4,
  }
}

export function mixForward(
  rec: Recorder,
  weights: Weights,
  tower: MixTower,
  batch: SparseInputBatch,
  z: Tensor,
  training: boolean,
): SavedMix {
  const { config } = tower
  batch.forward(rec, weights)
  const v = rec.tensor('item vector', batch.rows, config.embeddings * config.width)
  linearForward(rec, weights, tower.itemVector, batch.x, v)
  rec.dispatch(groupedDotForward, dotShape(tower, batch.rows, z, v), { v, z })
  const hidden = rec.tensor('mix hidden', batch.rows, config.mixHidden)
  linearForward(rec, weights, tower.fromInteraction, z, hidden)
  linearForward(rec, weights, tower.fromItem, batch.x, hidden, {
    accumulate: true,
    relu: true,
    dropout: training ? config.dropout : 0,
    site: 2,
  })
  const logits = rec.tensor('logits', batch.rows, tower.tasks)
  linearForward(rec, weights, tower.heads, hidden, logits)
  return { z, v, hidden, logits }
}

/** @returns the gradient of Z, whose first K·D columns are the gradient of the embeddings. */
export function mixBackward(
  rec: Recorder,
  weights: Weights,
  tower: MixTower,
  batch: SparseInputBatch,
  { z, v, hidden }: SavedMix,
  dLogits: Tensor,
): Tensor {
  const { config } = tower
  const dHidden = rec.tensor('gradient of mix hidden', batch.rows, config.mixHidden)
  linearBackward(rec, weights, tower.heads, hidden, dLogits, { into: dHidden })
  const dSum = rec.tensor('gradient before mix ReLU', batch.rows, config.mixHidden)
  reluDropoutBackward(rec, hidden, dHidden, dSum, config.dropout)
  const dx = rec.tensor('gradient of item X', batch.rows, tower.inputs.columns)
  linearBackward(rec, weights, tower.fromItem, batch.x, dSum, { into: dx })
  const dz = rec.tensor('gradient of Z', batch.rows, z.cols)
  linearBackward(rec, weights, tower.fromInteraction, z, dSum, { into: dz })
  const dv = rec.tensor('gradient of item vector', batch.rows, v.cols)
  rec.dispatch(groupedDotBackward, dotShape(tower, batch.rows, z, v), { v, z, dz, dv })
  linearBackward(rec, weights, tower.itemVector, batch.x, dv, { into: dx, accumulate: true })
  batch.backward(rec, weights, dx)
  return columns(dz, 0, config.embeddings * config.width)
}
