/**
 * The user tower: X → ReLU(X W₁ + b₁) → W₂ + b₂ → K embeddings of D, each layer-normalized.
 * Shape letters: R rows, K embeddings, D width of each.
 */
import type { SideLayout } from '@headwater/features'
import { layerNormBackward, layerNormForward } from '@headwater/kernels'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { reluDropoutBackward } from '../layers/relu.ts'
import { declareSparseInputs, type SparseInputBatch, type SparseInputs } from '../layers/sparse-inputs.ts'
import type { ParameterSet, Weights } from '../parameters.ts'
import type { Recorder } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'
import type { TowerConfig } from './config.ts'

export interface UserTower {
  readonly config: TowerConfig
  readonly inputs: SparseInputs
  readonly hidden: Linear
  readonly output: Linear
}

export interface SavedUser {
  readonly hidden: Tensor
  readonly rstd: Tensor
  readonly embeddings: Tensor
}

export function declareUserTower(set: ParameterSet, layout: SideLayout, config: TowerConfig): UserTower {
  const inputs = declareSparseInputs(set, 'user', layout, config.sparseWidth)
  return {
    config,
    inputs,
    hidden: declareLinear(set, 'user.hidden', inputs.columns, config.hidden, { inputGradient: true }),
    output: declareLinear(set, 'user.output', config.hidden, config.embeddings * config.width, { inputGradient: true }),
  }
}

function normShape({ embeddings: K, width: D }: TowerConfig, rows: number, embeddings: Tensor) {
  return { V: rows * K, K, D4: D / 4, xRow: (K * D) / 4, yOffset: embeddings.offset / 4, yRow: embeddings.stride / 4 }
}

/** Writes the embeddings [R, K·D] into `embeddings`, which may be columns of a wider tensor. */
export function userForward(
  rec: Recorder,
  weights: Weights,
  tower: UserTower,
  batch: SparseInputBatch,
  embeddings: Tensor,
  training: boolean,
): SavedUser {
  const { config } = tower
  batch.forward(rec, weights)
  const hidden = rec.tensor('user hidden', batch.rows, config.hidden)
  linearForward(rec, weights, tower.hidden, batch.x, hidden, {
    relu: true,
    dropout: training ? config.dropout : 0,
    site: 1,
  })
  const raw = rec.tensor('user output', batch.rows, config.embeddings * config.width)
  linearForward(rec, weights, tower.output, hidden, raw)
  const rstd = rec.tensor('inverse deviations', 1, batch.rows * config.embeddings)
  rec.dispatch(layerNormForward, normShape(config, batch.rows, embeddings), { x: raw, y: embeddings, rstd })
  return { hidden, rstd, embeddings }
}

/** `gradient` lies as the embeddings do: same columns of a tensor of the same width. */
export function userBackward(
  rec: Recorder,
  weights: Weights,
  tower: UserTower,
  batch: SparseInputBatch,
  { hidden, rstd, embeddings }: SavedUser,
  gradient: Tensor,
): void {
  const { config } = tower
  const dRaw = rec.tensor('gradient of user output', batch.rows, config.embeddings * config.width)
  rec.dispatch(layerNormBackward, normShape(config, batch.rows, embeddings), {
    y: embeddings,
    rstd,
    dy: gradient,
    dx: dRaw,
  })
  const dHidden = rec.tensor('gradient of user hidden', batch.rows, config.hidden)
  linearBackward(rec, weights, tower.output, hidden, dRaw, { into: dHidden })
  const dSum = rec.tensor('gradient before user ReLU', batch.rows, config.hidden)
  reluDropoutBackward(rec, hidden, dHidden, dSum, config.dropout)
  const dx = rec.tensor('gradient of user X', batch.rows, tower.inputs.columns)
  linearBackward(rec, weights, tower.hidden, batch.x, dSum, { into: dx })
  batch.backward(rec, weights, dx)
}
