/**
 * The mix tower sees the user embeddings, item and context, and no other user feature:
 *   h₁ = σ([embeddings | dots] W_z + X W_x + b);  hᵢ = σ(hᵢ₋₁ W + b);  logits = h W_t + b_t
 * with σ = ReLU, dropout behind it in training, and the dots of an interaction. Where users have a ridge memory, what its heads say of the
 * item is added to the logits.
 * Shape letters: R rows, K embeddings of D, T tasks.
 */

import type { SideLayout } from '@headwater/features'
import type { InputBatch, InputNeeds } from '../inputs/input-batch.ts'
import type { InteractionKind } from '../interactions/interaction-kind.ts'
import { interactions } from '../interactions/interactions.ts'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { reluDropoutBackward } from '../layers/relu.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { add, assign, type Tensor } from '../plan/tensor.ts'
import { declareItemInputs } from '../tokens/item-inputs.ts'
import { type ModelConfig, tokensOf } from './config.ts'
import { declareMemoryScores } from './memory-scores.ts'

export interface RecordedMix {
  /** [R, T] */
  readonly logits: Tensor
  /** @returns the gradient of the embeddings, columns of a tensor as wide as Z. */
  backward(dLogits: Tensor): Tensor
}

export interface MixTower {
  /** What an `InputBatch` of items holds. */
  readonly needs: InputNeeds
  /** T */
  readonly tasks: number
  /** Columns of Z, at least the K·D first ones into which the user tower writes. */
  readonly interactionColumns: number
  /** @param z Z [R, columns] */
  forward(rec: ModelRecorder, batch: InputBatch, z: Tensor, training: boolean): RecordedMix
}

/** @param memoryAt column of Z where a ridge memory's coefficients begin; null where users have none */
export function declareMixTower(
  set: ParameterSet,
  layout: SideLayout,
  tasks: number,
  config: ModelConfig,
  memoryAt: number | null,
): MixTower {
  const { embeddings, dropout: share = 0 } = config
  const { width, interaction, hidden: units } = config.mix
  const inputs = declareItemInputs(set, 'item', layout, width)
  const kind: InteractionKind = interactions[interaction.kind]
  const meet = kind.declare(set, interaction, embeddings, inputs.axis, units[0])
  const hiddenLayers = units.map((count, i) => ({
    linear:
      i === 0
        ? declareLinear(set, 'mix.from-item', inputs.axis, count)
        : declareLinear(set, `mix.hidden${i + 1}`, units[i - 1], count),
    site: set.site(),
  }))
  const heads = declareLinear(set, 'mix.heads', units.at(-1)!, tasks)
  const memory = memoryAt === null ? null : declareMemoryScores(set, inputs, tokensOf(config.user, 'memory')!, tasks)
  return {
    needs: inputs.needs,
    tasks,
    interactionColumns: embeddings.count * embeddings.width + kind.columnsBeside(interaction, embeddings),
    forward(rec, batch, z, training) {
      const R = batch.rows
      const dropout = training ? share : 0
      const { x, backward: inputsBackward } = inputs.forward(rec, batch)
      const hidden = units.map((count, i) => rec.tensor(`mix hidden ${i + 1}`, R, count))
      const meetBackward = meet(rec, x, z, hidden[0])
      for (const [i, { linear, site }] of hiddenLayers.entries())
        linearForward(rec, linear, i === 0 ? x : hidden[i - 1], hidden[i], {
          accumulate: i === 0,
          activation: 'relu',
          dropout,
          site,
        })
      const logits = rec.tensor('logits', R, tasks)
      linearForward(rec, heads, hidden.at(-1)!, logits)
      const memoryBackward = memory?.(rec, x, z, memoryAt!, logits)
      return {
        logits,
        backward(dLogits) {
          let [layer, dOutput] = [heads, dLogits]
          for (let i = hidden.length - 1; i >= 0; i--) {
            const dy = rec.tensor(`gradient of mix hidden ${i + 1}`, R, units[i])
            linearBackward(rec, layer, hidden[i], dOutput, assign(dy))
            dOutput = rec.tensor(`gradient before mix ReLU ${i + 1}`, R, units[i])
            reluDropoutBackward(rec, hidden[i], dy, dOutput, share)
            layer = hiddenLayers[i].linear
          }
          const dx = rec.tensor('gradient of item X', R, inputs.columns)
          linearBackward(rec, layer, x, dOutput, assign(dx))
          const dEmbeddings = meetBackward(dOutput, add(dx))
          memoryBackward?.(dLogits, dEmbeddings, dx)
          inputsBackward(dx)
          return dEmbeddings
        },
      }
    },
  }
}
