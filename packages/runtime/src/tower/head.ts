/**
 * From the last level's tokens to the embeddings: raw = W vec X + b, then of each embedding layer norm without gain and
 * shift, or s = min(1, bound / ‖e‖), or nothing. Shape letters: R rows, n tokens of d, K embeddings of D.
 */

import {
  decorrelationCenter,
  decorrelationOffDiagonal,
  layerNormBackward,
  layerNormForward,
  normBoundBackward,
  normBoundForward,
  normShape,
} from '@headwater/kernels'
import { flag, integer, kinds, number, optional, type ReadKeys, type Rule, record } from '../config/config-rules.ts'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { product } from '../layers/product.ts'
import type { Axis } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { add, assign, columns, type Into, type Tensor } from '../plan/tensor.ts'

const keys = {
  count: integer('Embeddings a user', 1, 256),
  width: integer('Numbers of an embedding', 4, 4096, 4),
  norm: optional(
    kinds('Of each embedding', {
      layer: { description: 'Layer norm without gain and shift', keys: {} },
      bound: {
        description: 'A largest Euclidean norm',
        keys: { largest: number('Largest Euclidean norm of an embedding', 0.001, 60_000) },
      },
    }),
  ),
  linear: flag('Add a linear map of the dense values, which no layer and no norm lies in the way of'),
  decorrelation: optional(number('Weight of the decorrelation loss', 0.001, 1_000_000)),
}

export interface EmbeddingsConfig extends ReadKeys<typeof keys> {}

export const embeddingsRule: Rule<EmbeddingsConfig> = record('What is served of a user', keys)

/** The embeddings, and the backward: `gradient` lies as they do, same columns of a tensor of the same width. */
export interface RecordedHead {
  readonly embeddings: Tensor
  backward(gradient: Tensor, dx: Into): void
}

/** Writes the embeddings into the first K·D columns of `into`. x [R, n·d]. */
export type Head = (rec: ModelRecorder, x: Tensor, into: Tensor) => RecordedHead

/** @param inputs what the n · d numbers are */
export function declareHead(set: ParameterSet, inputs: Axis, config: EmbeddingsConfig): Head {
  const { count, width, norm } = config
  const output = declareLinear(set, 'user.output', inputs, count * width)
  return (rec, x, into) => {
    const embeddings = columns(into, 0, count * width)
    const raw = norm ? rec.tensor('user output', x.rows, count * width) : embeddings
    linearForward(rec, output, x, raw)
    const normBackward = norm && normalize(rec, config, norm, raw, embeddings)
    return {
      embeddings,
      backward(gradient, dx) {
        const dRaw = normBackward ? rec.tensor('gradient of user output', x.rows, count * width) : gradient
        normBackward?.(gradient, dRaw)
        linearBackward(rec, output, x, dRaw, dx)
      },
    }
  }
}

/** Of each embedding. @returns its backward */
function normalize(
  rec: ModelRecorder,
  { count: K, width: D }: EmbeddingsConfig,
  norm: NonNullable<EmbeddingsConfig['norm']>,
  x: Tensor,
  y: Tensor,
): (dy: Tensor, dx: Tensor) => void {
  const { rows: R } = y
  const [D4, offset, row] = [D / 4, y.offset / 4, y.stride / 4]
  if (norm.kind === 'bound') {
    // One shape an embedding, since their distance in a row is not that from the last one to the next row.
    const places = { R, D4, bound: norm.largest, xRow: K * D4, yRow: row }
    const shapes = Array.from({ length: K }, (_, k) => ({ ...places, xColumn: k * D4, yColumn: offset + k * D4 }))
    for (const shape of shapes) rec.dispatch(normBoundForward, shape, { x, y })
    return (dy, dx) => {
      for (const shape of shapes) rec.dispatch(normBoundBackward, shape, { x, dy, dx })
    }
  }
  const shape = normShape({ V: R * K, K, D4, yOffset: offset, yRow: row })
  const moments = rec.tensor('moments of embeddings', 1, R * K * 2)
  const gain = rec.weights.rates
  rec.dispatch(layerNormForward, shape, { x, gain, shift: gain, y, moments })
  return (dy, dx) => rec.dispatch(layerNormBackward, shape, { x, gain, moments, dy, dx })
}

/**
 * Adds the gradient of the decorrelation loss, VICReg's covariance term (arXiv 2105.04906) over all K·D numbers of the
 * rows that count, to the embeddings' gradient, which lies as they do.
 * @param rowWeights [1, R], 0 for a row that does not count
 */
export function decorrelate(
  rec: ModelRecorder,
  config: EmbeddingsConfig,
  embeddings: Tensor,
  rowWeights: Tensor,
  gradient: Tensor,
): void {
  if (!config.decorrelation) return
  const D = config.count * config.width
  const R = embeddings.rows
  const centered = rec.tensor('centered embeddings', R, D)
  const count = rec.tensor('rows that count', 1, 1)
  rec.dispatch(
    decorrelationCenter,
    { R, D4: D / 4, xOffset: embeddings.offset / 4, xRow: embeddings.stride / 4 },
    { x: embeddings, rowWeights, centered, count },
  )
  const products = rec.tensor('products of embedding columns', D, D)
  product(rec, { a: centered, aTransposed: true, b: centered, c: assign(products) })
  const loss = rec.tensor('decorrelation loss', 1, D)
  const masked = rec.tensor('slopes of decorrelation', D, D)
  rec.dispatch(
    decorrelationOffDiagonal,
    { D, pRow: products.stride / 4, scale: config.decorrelation },
    { products, count, loss, masked },
  )
  product(rec, { a: centered, b: masked, c: add(gradient) })
}
