/**
 * All dot products of the K + V vectors of D in [e | v], with v = X W_v + b_v. Embeddings and dots have weights of their own: a
 * kernel does not write the buffer that it reads. Shape letters: R rows, K embeddings of D, J = K·D, V item vectors.
 */
import { pairwiseDotBackward, pairwiseDotForward } from '@headwater/kernels'
import { integer } from '../config/config-rules.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import type { EmbeddingSizes, InteractionKind } from './interaction-kind.ts'

const keys = { vectors: integer('Item vectors; all products of them and the embeddings', 1, 256) }

export interface Pairwise {
  readonly embeddings: EmbeddingSizes
  /** V */
  readonly vectors: number
  readonly itemVector: Linear
  readonly fromEmbeddings: Linear
  readonly fromDots: Linear
}

export interface SavedPairwise {
  /** [R, (K + V)·D], [e | v] */
  readonly z: Tensor
  readonly dots: Tensor
}

function shapeOf({ embeddings: { count, width }, vectors }: Pairwise, z: Tensor, dots: Tensor) {
  const D4 = width / 4
  return {
    R: z.rows,
    F: count + vectors,
    D4,
    xOffset: 0,
    xRow: z.stride / 4,
    xFeature: D4,
    zOffset: 0,
    zRow: dots.stride,
  }
}

/** e and v, or their gradients. */
function halves({ embeddings: { count, width } }: Pairwise, z: Tensor) {
  const joint = count * width
  return { e: columns(z, 0, joint), v: columns(z, joint, z.cols - joint) }
}

export const pairwise: InteractionKind<typeof keys, Pairwise, SavedPairwise> = {
  description: 'All dot products between embeddings and item vectors',
  keys,
  columnsBeside: ({ vectors }, { width }) => vectors * width,
  declare(set, { vectors }, embeddings, x, outputs) {
    const { count, width } = embeddings
    const all = count + vectors
    const pairs = (all * (all - 1)) / 2
    const options = { bias: false, bound: 1 / Math.sqrt(count * width + pairs) }
    return {
      embeddings,
      vectors,
      itemVector: declareLinear(set, 'mix.item-vector', x, vectors * width),
      fromEmbeddings: declareLinear(set, 'mix.from-embeddings', count * width, outputs, options),
      fromDots: declareLinear(set, 'mix.from-dots', pairs, outputs, options),
    }
  },
  forward(rec, layer, x, z, h) {
    const { e, v } = halves(layer, z)
    linearForward(rec, layer.itemVector, x, v)
    const dots = rec.tensor('dots', z.rows, layer.fromDots.weight.rows)
    rec.dispatch(pairwiseDotForward, shapeOf(layer, z, dots), { x: z, z: dots })
    linearForward(rec, layer.fromEmbeddings, e, h)
    linearForward(rec, layer.fromDots, dots, h, { accumulate: true })
    return { z, dots }
  },
  backward(rec, layer, x, { z, dots }, dh, dx) {
    const dz = rec.tensor('gradient of Z', z.rows, z.cols)
    const gradient = halves(layer, dz)
    const dDots = rec.tensor('gradient of dots', z.rows, dots.cols)
    linearBackward(rec, layer.fromDots, dots, dh, { into: dDots, accumulate: false })
    rec.dispatch(pairwiseDotBackward, { ...shapeOf(layer, z, dots), accumulate: 0 }, { x: z, dz: dDots, dx: dz })
    linearBackward(rec, layer.fromEmbeddings, halves(layer, z).e, dh, { into: gradient.e, accumulate: true })
    linearBackward(rec, layer.itemVector, x, gradient.v, dx)
    return gradient.e
  },
}
