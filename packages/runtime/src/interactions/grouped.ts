/** G dot products of slices of e and v = X W_v + b_v. Shape letters: R rows, J = K·D numbers of embeddings, G dots. */
import { groupedDotBackward, groupedDotForward, padded } from '@headwater/kernels'
import { integer } from '../config/config-rules.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import type { InteractionKind } from './interaction-kind.ts'

const keys = { dots: integer('Dot products of slices, which divide all embeddings into multiples of 4', 1, 4096) }

export interface Grouped {
  /** J */
  readonly joint: number
  readonly dots: number
  readonly itemVector: Linear
  /** Of embeddings and dots in one tensor. */
  readonly fromInteraction: Linear
}

export interface SavedGrouped {
  /** [R, J + G], [e | dots] */
  readonly z: Tensor
  readonly v: Tensor
}

function shapeOf({ joint, dots: G }: Grouped, z: Tensor, v: Tensor) {
  return { R: z.rows, G, W4: joint / G / 4, zIn: 0, zOut: joint, zRow: z.stride / 4, vRow: v.stride / 4 }
}

export const grouped: InteractionKind<typeof keys, Grouped, SavedGrouped> = {
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
  declare(set, { dots }, { count, width }, x, outputs) {
    const joint = count * width
    return {
      joint,
      dots,
      itemVector: declareLinear(set, 'mix.item-vector', x, joint),
      fromInteraction: declareLinear(set, 'mix.from-interaction', joint + padded(dots), outputs, { bias: false }),
    }
  },
  forward(rec, layer, x, z, h) {
    const v = rec.tensor('item vector', z.rows, layer.joint)
    linearForward(rec, layer.itemVector, x, v)
    rec.dispatch(groupedDotForward, shapeOf(layer, z, v), { v, z })
    linearForward(rec, layer.fromInteraction, z, h)
    return { z, v }
  },
  backward(rec, layer, x, { z, v }, dh, dx) {
    const dz = rec.tensor('gradient of Z', z.rows, z.cols)
    linearBackward(rec, layer.fromInteraction, z, dh, { into: dz, accumulate: false })
    const dv = rec.tensor('gradient of item vector', z.rows, layer.joint)
    rec.dispatch(groupedDotBackward, shapeOf(layer, z, v), { v, z, dz, dv })
    linearBackward(rec, layer.itemVector, x, dv, dx)
    return columns(dz, 0, layer.joint)
  },
}
