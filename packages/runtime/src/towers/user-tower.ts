/**
 * The user tower: X → ReLU(X W₁ + b₁) → W₂ + b₂ → K embeddings of D, each layer-normalized.
 * Shape letters: R rows, K embeddings, D width of each.
 */
import type { SideLayout } from '@headwater/features'
import { layerNormBackward, layerNormForward, normShape } from '@headwater/kernels'
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
  /** What layer norm was given, and mean and inverse deviation of each embedding of it. */
  readonly raw: Tensor
  readonly moments: Tensor
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

function embeddingNorm({ embeddings: K, width: D }: TowerConfig, rows: number, embeddings: Tensor) {
  return normShape({ V: rows * K, K, D4: D / 4, yOffset: embeddings.offset / 4, yRow: embeddings.stride / 4 })
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
  const moments = rec.tensor('moments of embeddings', 1, batch.rows * config.embeddings * 2)
  // Without gain and shift their slots are filled by something that exists.
  rec.dispatch(layerNormForward, embeddingNorm(config, batch.rows, embeddings), {
    x: raw,
    gain: weights.rates,
    shift: weights.rates,
    y: embeddings,
    moments,
  })
  return { hidden, raw, moments, embeddings }
}

/** `gradient` lies as the embeddings do: same columns of a tensor of the same width. */
export function userBackward(
  rec: Recorder,
  weights: Weights,
  tower: UserTower,
  batch: SparseInputBatch,
  { hidden, raw, moments, embeddings }: SavedUser,
  gradient: Tensor,
): void {
  const { config } = tower
  const dRaw = rec.tensor('gradient of user output', batch.rows, config.embeddings * config.width)
  rec.dispatch(layerNormBackward, embeddingNorm(config, batch.rows, embeddings), {
    x: raw,
    gain: weights.rates,
    moments,
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
