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
import { integer, kinds, number, optional, type ReadKeys, type Rule, record } from '../config/config-rules.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { product } from '../layers/product.ts'
import type { Axis } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { columns, type Into, type Tensor } from '../plan/tensor.ts'

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
  decorrelation: optional(number('Weight of the decorrelation loss', 0.001, 1_000_000)),
}

export interface EmbeddingsConfig extends ReadKeys<typeof keys> {}

export const embeddingsRule: Rule<EmbeddingsConfig> = record('What is served of a user', keys)

export interface Head {
  readonly config: EmbeddingsConfig
  readonly output: Linear
}

export interface SavedHead {
  /** What the norm was given [R, K·D]; the embeddings themselves without one. */
  readonly raw: Tensor
  /** Mean and inverse deviation of each embedding; layer norm only. */
  readonly moments: Tensor | null
  readonly embeddings: Tensor
}

/** @param inputs what the n · d numbers are */
export function declareHead(set: ParameterSet, inputs: Axis, config: EmbeddingsConfig): Head {
  return { config, output: declareLinear(set, 'user.output', inputs, config.count * config.width) }
}

function layerNormShape({ count: K, width: D }: EmbeddingsConfig, embeddings: Tensor) {
  const { rows, offset, stride } = embeddings
  return normShape({ V: rows * K, K, D4: D / 4, yOffset: offset / 4, yRow: stride / 4 })
}

/** One shape an embedding, since their distance in a row is not that from the last one to the next row. */
function boundShapes({ count, width }: EmbeddingsConfig, bound: number, embeddings: Tensor) {
  const D4 = width / 4
  return Array.from({ length: count }, (_, k) => ({
    R: embeddings.rows,
    D4,
    bound,
    xColumn: k * D4,
    xRow: count * D4,
    yColumn: embeddings.offset / 4 + k * D4,
    yRow: embeddings.stride / 4,
  }))
}

/** Writes the embeddings into the first K·D columns of `into`. x [R, n·d]. */
export function headForward(rec: ModelRecorder, { config, output }: Head, x: Tensor, into: Tensor): SavedHead {
  const { count, width, norm } = config
  const embeddings = columns(into, 0, count * width)
  if (!norm) {
    linearForward(rec, output, x, embeddings)
    return { raw: embeddings, moments: null, embeddings }
  }
  const raw = rec.tensor('user output', x.rows, count * width)
  linearForward(rec, output, x, raw)
  if (norm.kind === 'bound') {
    for (const shape of boundShapes(config, norm.largest, embeddings))
      rec.dispatch(normBoundForward, shape, { x: raw, y: embeddings })
    return { raw, moments: null, embeddings }
  }
  const moments = rec.tensor('moments of embeddings', 1, x.rows * count * 2)
  rec.dispatch(layerNormForward, layerNormShape(config, embeddings), {
    x: raw,
    gain: rec.weights.rates,
    shift: rec.weights.rates,
    y: embeddings,
    moments,
  })
  return { raw, moments, embeddings }
}

/** `gradient` lies as the embeddings do: same columns of a tensor of the same width. */
export function headBackward(
  rec: ModelRecorder,
  { config, output }: Head,
  x: Tensor,
  { raw, moments, embeddings }: SavedHead,
  gradient: Tensor,
  dx: Into,
): void {
  const { count, width, norm } = config
  let dRaw = gradient
  if (norm) {
    dRaw = rec.tensor('gradient of user output', x.rows, count * width)
    if (norm.kind === 'bound')
      for (const shape of boundShapes(config, norm.largest, embeddings))
        rec.dispatch(normBoundBackward, shape, { x: raw, dy: gradient, dx: dRaw })
    else
      rec.dispatch(layerNormBackward, layerNormShape(config, embeddings), {
        x: raw,
        gain: rec.weights.rates,
        moments: moments!,
        dy: gradient,
        dx: dRaw,
      })
  }
  linearBackward(rec, output, x, dRaw, dx)
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
  product(
    rec,
    { M: D, N: D, K: R, aRow: 1, aCol: centered.stride },
    { a: centered, b: centered, c: { into: products, accumulate: false } },
  )
  const loss = rec.tensor('decorrelation loss', 1, D)
  const masked = rec.tensor('slopes of decorrelation', D, D)
  rec.dispatch(
    decorrelationOffDiagonal,
    { D, pRow: products.stride / 4, scale: config.decorrelation },
    { products, count, loss, masked },
  )
  product(rec, { M: R, N: D, K: D }, { a: centered, b: masked, c: { into: gradient, accumulate: true } })
}
