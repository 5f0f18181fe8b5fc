/**
 * All dot products of the K + V vectors of D in [e | v], with v = X W_v + b_v. Embeddings and dots have weights of their own: a
 * kernel does not write the buffer that it reads. Shape letters: R rows, K embeddings of D, J = K·D, V item vectors.
 */
import { pairwiseDotBackward, pairwiseDotForward } from '@headwater/kernels'
import { integer } from '../config/config-rules.ts'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { add, assign, columns, type Tensor } from '../plan/tensor.ts'
import type { InteractionKind } from './interaction-kind.ts'

const keys = { vectors: integer('Item vectors; all products of them and the embeddings', 1, 256) }

export const pairwise: InteractionKind<typeof keys> = {
  description: 'All dot products between embeddings and item vectors',
  keys,
  columnsBeside: ({ vectors }, { width }) => vectors * width,
  declare(set, { vectors }, { count, width }, x, outputs) {
    const joint = count * width
    const F = count + vectors
    const pairs = (F * (F - 1)) / 2
    const options = { bias: false, bound: 1 / Math.sqrt(joint + pairs) }
    const itemVector = declareLinear(set, 'mix.item-vector', x, vectors * width)
    const fromEmbeddings = declareLinear(set, 'mix.from-embeddings', joint, outputs, options)
    const fromDots = declareLinear(set, 'mix.from-dots', pairs, outputs, options)
    const embeddingsOf = (z: Tensor) => columns(z, 0, joint)
    const itemOf = (z: Tensor) => columns(z, joint, z.cols - joint)
    return (rec, x, z, h) => {
      linearForward(rec, itemVector, x, itemOf(z))
      const dots = rec.tensor('dots', z.rows, pairs)
      const D4 = width / 4
      const places = { xOffset: 0, xRow: z.stride / 4, xFeature: D4, zOffset: 0, zRow: dots.stride }
      const shape = { R: z.rows, F, D4, ...places }
      rec.dispatch(pairwiseDotForward, shape, { x: z, z: dots })
      linearForward(rec, fromEmbeddings, embeddingsOf(z), h)
      linearForward(rec, fromDots, dots, h, { accumulate: true })
      return (dh, dx) => {
        const dz = rec.tensor('gradient of Z', z.rows, z.cols)
        const dDots = rec.tensor('gradient of dots', z.rows, pairs)
        linearBackward(rec, fromDots, dots, dh, assign(dDots))
        rec.dispatch(pairwiseDotBackward, { ...shape, accumulate: 0 }, { x: z, dz: dDots, dx: dz })
        linearBackward(rec, fromEmbeddings, embeddingsOf(z), dh, add(embeddingsOf(dz)))
        linearBackward(rec, itemVector, x, itemOf(dz), dx)
        return embeddingsOf(dz)
      }
    }
  },
}
