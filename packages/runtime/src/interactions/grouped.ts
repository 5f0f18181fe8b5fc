/** G dot products of slices of e and v = X W_v + b_v. Shape letters: R rows, J = K·D numbers of embeddings, G dots. */
import { groupedDotBackward, groupedDotForward, padded } from '@headwater/kernels'
import { integer } from '../config/config-rules.ts'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { assign, columns } from '../plan/tensor.ts'
import type { InteractionKind } from './interaction-kind.ts'

const keys = { dots: integer('Dot products of slices, which divide all embeddings into multiples of 4', 1, 4096) }

export const grouped: InteractionKind<typeof keys> = {
  description: 'Dot products of slices of user and item',
  keys,
  check({ dots }, { count, width }, refuse) {
    if ((count * width) % (dots * 4) !== 0)
      refuse(
        'dots',
        `${dots} slices do not divide ${count} × ${width} numbers into multiples of 4`,
        `give a divisor of ${(count * width) / 4}`,
      )
  },
  columnsBeside: ({ dots }) => padded(dots),
  declare(set, { dots: G }, { count, width }, x, outputs) {
    const joint = count * width
    const itemVector = declareLinear(set, 'mix.item-vector', x, joint)
    // Of embeddings and dots in one tensor.
    const fromInteraction = declareLinear(set, 'mix.from-interaction', joint + padded(G), outputs, { bias: false })
    return (rec, x, z, h) => {
      const v = rec.tensor('item vector', z.rows, joint)
      linearForward(rec, itemVector, x, v)
      const rows = { R: z.rows, zRow: z.stride / 4, vRow: v.stride / 4 }
      const shape = { ...rows, G, W4: joint / G / 4, zIn: 0, zOut: joint }
      rec.dispatch(groupedDotForward, shape, { v, z })
      linearForward(rec, fromInteraction, z, h)
      return (dh, dx) => {
        const dz = rec.tensor('gradient of Z', z.rows, z.cols)
        linearBackward(rec, fromInteraction, z, dh, assign(dz))
        const dv = rec.tensor('gradient of item vector', z.rows, joint)
        rec.dispatch(groupedDotBackward, shape, { v, z, dz, dv })
        linearBackward(rec, itemVector, x, dv, dx)
        return columns(dz, 0, joint)
      }
    }
  },
}
