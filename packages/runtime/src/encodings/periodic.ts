/**
 * Sines and cosines of each value (Gorishniy et al. 2022, "On Embeddings for Numerical Features"): sin 2π c x, cos 2π c x for
 * each of its Q frequencies c, which are trained. Shape letters: R rows, F features, Q frequencies.
 */
import { periodicBackward, periodicForward } from '@headwater/kernels'
import { integer, number } from '../config/config-rules.ts'
import { named } from '../parameters/axis.ts'
import type { Parameter } from '../parameters/parameter-set.ts'
import type { Tensor } from '../plan/tensor.ts'
import { type Encoding, flagColumns } from './encoding.ts'

const keys = {
  frequencies: integer('Sines and cosines of each value', 4, 256, 4),
  sigma: number('Standard deviation of the frequencies at the start', 0.001, 100),
}

export interface Periodic {
  /** [F, Q] */
  readonly frequencies: Parameter
}

function shapeOf(x: Tensor, frequencies: Tensor, e: Tensor) {
  const K4 = frequencies.cols / 4
  return {
    R: x.rows,
    F: x.cols,
    K4,
    xOffset: x.offset,
    xRow: x.stride,
    frequencyOffset: frequencies.offset / 4,
    yOffset: e.offset / 4,
    yRow: e.stride / 4,
    yFeature: 2 * K4 + flagColumns / 4,
  }
}

export const periodic: Encoding<typeof keys, Periodic> = {
  description: 'Sines and cosines of each value, of trained frequencies',
  keys,
  columns: ({ frequencies }) => 2 * frequencies + flagColumns,
  declare(set, name, features, { frequencies, sigma }) {
    const options = { decay: false }
    const own = set.declare(`${name}.frequencies`, named(features), frequencies, { normal: sigma }, options)
    return { frequencies: own }
  },
  forward(rec, layer, x, y) {
    const frequencies = rec.weights.value(layer.frequencies)
    rec.dispatch(periodicForward, shapeOf(x, frequencies, y), { x, frequencies, y })
  },
  backward(rec, layer, x, dy) {
    const frequencies = rec.weights.value(layer.frequencies)
    const out = rec.weights.gradientOf(layer.frequencies)
    rec.dispatch(
      periodicBackward,
      { ...shapeOf(x, frequencies, dy), S: 1, outOffset: out.offset / 4, outRow: (out.rows * out.stride) / 4 },
      { x, frequencies, dy, out },
    )
  },
}
