/**
 * Sines and cosines of each value (Gorishniy et al. 2022, "On Embeddings for Numerical Features"): sin 2π c x, cos 2π c x for
 * each of its Q frequencies c, which are trained. Shape letters: R rows, F features, Q frequencies.
 */
import { periodicBackward, periodicForward } from '@headwater/kernels'
import { integer, number } from '../config/config-rules.ts'
import { named } from '../parameters/axis.ts'
import type { Tensor } from '../plan/tensor.ts'
import { type Encoding, flagColumns } from './encoding.ts'

const keys = {
  frequencies: integer('Sines and cosines of each value', 4, 256, 4),
  sigma: number('Standard deviation of the frequencies at the start', 0.001, 100),
}

export const periodic: Encoding<typeof keys> = {
  description: 'Sines and cosines of each value, of trained frequencies',
  keys,
  columns: ({ frequencies }) => 2 * frequencies + flagColumns,
  declare(set, name, features, { frequencies: Q, sigma }) {
    const own = set.declare(`${name}.frequencies`, named(features), Q, { normal: sigma }, { decay: false })
    return (rec, x, y) => {
      const frequencies = rec.weights.value(own)
      const K4 = Q / 4
      const shapeOf = (e: Tensor) => ({
        R: x.rows,
        F: x.cols,
        K4,
        xOffset: x.offset,
        xRow: x.stride,
        frequencyOffset: frequencies.offset / 4,
        yOffset: e.offset / 4,
        yRow: e.stride / 4,
        yFeature: 2 * K4 + flagColumns / 4,
      })
      rec.dispatch(periodicForward, shapeOf(y), { x, frequencies, y })
      return (dy) => {
        const out = rec.weights.gradientOf(own)
        const places = { S: 1, outOffset: out.offset / 4, outRow: (out.rows * out.stride) / 4 }
        rec.dispatch(periodicBackward, { ...shapeOf(dy), ...places }, { x, frequencies, dy, out })
      }
    }
  },
}
