/**
 * The mix tower sees the user embeddings, item and context, and no other user feature:
 *   h₁ = σ([embeddings | dots] W_z + X W_x + b);  hᵢ = σ(hᵢ₋₁ W + b);  logits = h W_t + b_t
 * with σ = ReLU, dropout behind it in training, and the dots of an interaction.
 * Shape letters: R rows, K embeddings of D, T tasks.
 */

import type { SideLayout } from '@headwater/features'
import type { InputBatch } from '../inputs/input-batch.ts'
import type { InteractionKind } from '../interactions/interaction-kind.ts'
import { interactions } from '../interactions/interactions.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { reluDropoutBackward } from '../layers/relu.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Recorder } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'
import { declareItemInputs, type ItemInputs, itemInputsBackward, itemInputsForward } from '../tokens/item-inputs.ts'
import type { ModelConfig } from './config.ts'

/** A hidden layer behind the first, whose dropout has a site of its own. */
interface HiddenLayer {
  readonly linear: Linear
  readonly site: number
}

export interface MixTower {
  readonly config: ModelConfig
  readonly inputs: ItemInputs
  readonly interaction: {
    readonly kind: InteractionKind
    /** What it declared. */
    readonly layer: unknown
    /** Of Z. */
    readonly columns: number
  }
  readonly fromItem: Linear
  /** Dropout site of the first hidden layer. */
  readonly site: number
  readonly deeper: readonly HiddenLayer[]
  readonly heads: Linear
  /** T */
  readonly tasks: number
}

export interface SavedMix {
  /** X of items. */
  readonly x: Tensor
  readonly interaction: unknown
  /** Of every hidden layer, behind σ. */
  readonly hidden: readonly Tensor[]
  /** [R, T] */
  readonly logits: Tensor
}

export function declareMixTower(set: ParameterSet, layout: SideLayout, tasks: number, config: ModelConfig): MixTower {
  const { width, interaction, hidden } = config.mix
  const inputs = declareItemInputs(set, 'item', layout, width)
  const kind: InteractionKind = interactions[interaction.kind]
  const { embeddings } = config
  return {
    config,
    inputs,
    tasks,
    interaction: {
      kind,
      layer: kind.declare(set, interaction, embeddings, inputs.axis, hidden[0]),
      columns: embeddings.count * embeddings.width + kind.columnsBeside(interaction, embeddings),
    },
    fromItem: declareLinear(set, 'mix.from-item', inputs.axis, hidden[0]),
    site: set.site(),
    deeper: hidden.slice(1).map((units, i) => ({
      linear: declareLinear(set, `mix.hidden${i + 2}`, hidden[i], units),
      site: set.site(),
    })),
    heads: declareLinear(set, 'mix.heads', hidden.at(-1)!, tasks),
  }
}

/** Z [R, ≥ K·D], into whose first K·D columns the user tower writes. */
export function interactionTensor(rec: Recorder, { interaction }: MixTower, rows: number): Tensor {
  return rec.tensor('Z', rows, interaction.columns)
}

export function mixForward(
  rec: ModelRecorder,
  tower: MixTower,
  batch: InputBatch,
  z: Tensor,
  training: boolean,
): SavedMix {
  const dropout = training ? (tower.config.dropout ?? 0) : 0
  const x = itemInputsForward(rec, tower.inputs, batch)
  const first = rec.tensor('mix hidden 1', batch.rows, tower.fromItem.weight.cols)
  const { kind, layer } = tower.interaction
  const interaction = kind.forward(rec, layer, x, z, first)
  linearForward(rec, tower.fromItem, x, first, {
    accumulate: true,
    activation: 'relu',
    dropout,
    site: tower.site,
  })
  const hidden = [first]
  for (const { linear, site } of tower.deeper) {
    const y = rec.tensor(`mix hidden ${hidden.length + 1}`, batch.rows, linear.weight.cols)
    linearForward(rec, linear, hidden.at(-1)!, y, { activation: 'relu', dropout, site })
    hidden.push(y)
  }
  const logits = rec.tensor('logits', batch.rows, tower.tasks)
  linearForward(rec, tower.heads, hidden.at(-1)!, logits)
  return { x, interaction, hidden, logits }
}

/** @returns the gradient of the embeddings, columns of a tensor as wide as Z. */
export function mixBackward(
  rec: ModelRecorder,
  tower: MixTower,
  batch: InputBatch,
  { x, interaction, hidden }: SavedMix,
  dLogits: Tensor,
): Tensor {
  let layer = tower.heads
  let dOutput = dLogits
  for (let i = hidden.length - 1; i >= 0; i--) {
    const y = hidden[i]
    const dy = rec.tensor(`gradient of mix hidden ${i + 1}`, y.rows, y.cols)
    linearBackward(rec, layer, y, dOutput, { into: dy, accumulate: false })
    dOutput = rec.tensor(`gradient before mix ReLU ${i + 1}`, y.rows, y.cols)
    reluDropoutBackward(rec, y, dy, dOutput, tower.config.dropout ?? 0)
    if (i > 0) layer = tower.deeper[i - 1].linear
  }
  const dx = rec.tensor('gradient of item X', batch.rows, tower.inputs.columns)
  linearBackward(rec, tower.fromItem, x, dOutput, { into: dx, accumulate: false })
  const { kind, layer: met } = tower.interaction
  const dEmbeddings = kind.backward(rec, met, x, interaction, dOutput, { into: dx, accumulate: true })
  itemInputsBackward(rec, tower.inputs, batch, dx)
  return dEmbeddings
}
