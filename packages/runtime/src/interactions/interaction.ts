/**
 * Where user and item meet, h = [e | dots] W_z, with v = X W_v + b_v of the item:
 *   grouped: G dot products of slices of e and v;  pairwise: all dot products of the K + V vectors of D in [e | v].
 * Shape letters: R rows, K embeddings of D, G dots, V item vectors.
 */
import {
  groupedDotBackward,
  groupedDotForward,
  padded,
  pairwiseDotBackward,
  pairwiseDotForward,
} from '@headwater/kernels'
import type { EmbeddingsConfig, InteractionConfig } from '../config/config.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Weights } from '../parameters/weights.ts'
import type { Recorder } from '../plan/recorder.ts'
import { columns, type Into, type Tensor } from '../plan/tensor.ts'

export interface Interaction {
  readonly config: InteractionConfig
  readonly embeddings: EmbeddingsConfig
  readonly itemVector: Linear
  /** Of embeddings and dots in one tensor (grouped), or of the embeddings alone. */
  readonly fromInteraction: Linear
  /** Of the dots, where they have a tensor of their own (pairwise): a kernel does not write the buffer that it reads. */
  readonly fromDots: Linear | null
}

export interface SavedInteraction {
  /** Grouped: [R, K·D + G], [e | dots]; pairwise: [R, (K + V)·D], [e | v]. */
  readonly z: Tensor
  /** Grouped only. */
  readonly v: Tensor | null
  /** Pairwise only. */
  readonly dots: Tensor | null
}

const pairsOf = (vectors: number) => (vectors * (vectors - 1)) / 2

/** @param inputs columns of X; `outputs` columns of h */
export function declareInteraction(
  set: ParameterSet,
  config: InteractionConfig,
  embeddings: EmbeddingsConfig,
  inputs: number,
  outputs: number,
): Interaction {
  const joint = embeddings.count * embeddings.width
  if (config.kind === 'grouped')
    return {
      config,
      embeddings,
      itemVector: declareLinear(set, 'mix.item-vector', inputs, joint),
      fromInteraction: declareLinear(set, 'mix.from-interaction', joint + padded(config.dots), outputs, {
        bias: false,
      }),
      fromDots: null,
    }
  const pairs = pairsOf(embeddings.count + config.vectors)
  const options = { bias: false, bound: 1 / Math.sqrt(joint + pairs) }
  return {
    config,
    embeddings,
    itemVector: declareLinear(set, 'mix.item-vector', inputs, config.vectors * embeddings.width),
    fromInteraction: declareLinear(set, 'mix.from-embeddings', joint, outputs, options),
    fromDots: declareLinear(set, 'mix.from-dots', pairs, outputs, options),
  }
}

/** z, into whose first K·D columns the user tower writes. */
export function interactionInput(rec: Recorder, { config, embeddings }: Interaction, rows: number): Tensor {
  const { count, width } = embeddings
  const beside = config.kind === 'grouped' ? padded(config.dots) : config.vectors * width
  return rec.tensor('Z', rows, count * width + beside)
}

function groupedShape({ config, embeddings }: Interaction, z: Tensor, v: Tensor) {
  const joint = embeddings.count * embeddings.width
  const G = config.kind === 'grouped' ? config.dots : 0
  return { R: z.rows, G, W4: joint / G / 4, zIn: 0, zOut: joint, zRow: z.stride / 4, vRow: v.stride / 4 }
}

function pairwiseShape({ embeddings, config }: Interaction, z: Tensor, dots: Tensor) {
  const D4 = embeddings.width / 4
  const F = embeddings.count + (config.kind === 'pairwise' ? config.vectors : 0)
  return { R: z.rows, F, D4, xOffset: 0, xRow: z.stride / 4, xFeature: D4, zOffset: 0, zRow: dots.stride }
}

/** Assigns h. x is the item's; z holds the embeddings. */
export function interactionForward(
  rec: Recorder,
  weights: Weights,
  layer: Interaction,
  x: Tensor,
  z: Tensor,
  h: Tensor,
): SavedInteraction {
  const joint = layer.embeddings.count * layer.embeddings.width
  if (!layer.fromDots) {
    const v = rec.tensor('item vector', z.rows, joint)
    linearForward(rec, weights, layer.itemVector, x, v)
    rec.dispatch(groupedDotForward, groupedShape(layer, z, v), { v, z })
    linearForward(rec, weights, layer.fromInteraction, z, h)
    return { z, v, dots: null }
  }
  linearForward(rec, weights, layer.itemVector, x, columns(z, joint, z.cols - joint))
  const dots = rec.tensor('dots', z.rows, layer.fromDots.weight.rows)
  rec.dispatch(pairwiseDotForward, pairwiseShape(layer, z, dots), { x: z, z: dots })
  linearForward(rec, weights, layer.fromInteraction, columns(z, 0, joint), h)
  linearForward(rec, weights, layer.fromDots, dots, h, { accumulate: true })
  return { z, v: null, dots }
}

/** @returns the gradient of the embeddings, columns of a tensor as wide as z. */
export function interactionBackward(
  rec: Recorder,
  weights: Weights,
  layer: Interaction,
  x: Tensor,
  { z, v, dots }: SavedInteraction,
  dh: Tensor,
  dx: Into,
): Tensor {
  const joint = layer.embeddings.count * layer.embeddings.width
  const dz = rec.tensor('gradient of Z', z.rows, z.cols)
  const de = columns(dz, 0, joint)
  if (v) {
    linearBackward(rec, weights, layer.fromInteraction, z, dh, { into: dz, accumulate: false })
    const dv = rec.tensor('gradient of item vector', z.rows, joint)
    rec.dispatch(groupedDotBackward, groupedShape(layer, z, v), { v, z, dz, dv })
    linearBackward(rec, weights, layer.itemVector, x, dv, dx)
    return de
  }
  const dDots = rec.tensor('gradient of dots', z.rows, dots!.cols)
  linearBackward(rec, weights, layer.fromDots!, dots!, dh, { into: dDots, accumulate: false })
  rec.dispatch(pairwiseDotBackward, { ...pairwiseShape(layer, z, dots!), accumulate: 0 }, { x: z, dz: dDots, dx: dz })
  linearBackward(rec, weights, layer.fromInteraction, columns(z, 0, joint), dh, { into: de, accumulate: true })
  linearBackward(rec, weights, layer.itemVector, x, columns(dz, joint, z.cols - joint), dx)
  return de
}
