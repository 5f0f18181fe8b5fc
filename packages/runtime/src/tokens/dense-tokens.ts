/**
 * Dense values as tokens: standardized by fitted constants, encoded, and mapped by a linear layer.
 *   x̂ = (x − center) · scale;  e = x̂, or an encoding of each feature;  tokens = e W + b
 * Shape letters: R rows, F features, n tokens of width d.
 */

import { padded, standardize as standardizeKernel } from '@headwater/kernels'
import { flag, integer, optional, type ReadKeys } from '../config/config-rules.ts'
import type { Encoding } from '../encodings/encoding.ts'
import { encodingRule, encodings } from '../encodings/encodings.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter } from '../parameters/parameter-set.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import type { TokenKind } from './token-kind.ts'

const keys = {
  tokens: integer('Tokens made of all dense values', 1, 1024),
  standardize: flag('Center and scale the values by the first examples'),
  encoding: optional(encodingRule),
}

export type DenseTokensConfig = ReadKeys<typeof keys>

export interface DenseTokens {
  /** Constants [1, F], fitted once: `fitDense`. */
  readonly standardization: { readonly center: Parameter; readonly scale: Parameter } | null
  readonly encoded: {
    readonly encoding: Encoding
    /** What it declared. */
    readonly layer: unknown
    /** Columns of e. */
    readonly columns: number
  } | null
  readonly linear: Linear
}

export interface SavedDense {
  readonly standardized: Tensor
  readonly encoded: Tensor
}

function standardizeValues(rec: ModelRecorder, { standardization }: DenseTokens, x: Tensor): Tensor {
  if (!standardization) return x
  const F4 = padded(x.cols) / 4
  // The kernel reads both in one run, and each is memory of its own.
  const statistics = rec.tensor('dense statistics', 2, x.cols)
  for (const [row, parameter] of [standardization.center, standardization.scale].entries())
    copyTokens(rec, columns(rec.weights.value(parameter), 0, F4 * 4), {
      into: { ...statistics, rows: 1, offset: row * statistics.stride },
      accumulate: false,
    })
  const y = rec.tensor('standardized', x.rows, F4 * 8)
  rec.dispatch(
    standardizeKernel,
    {
      R: x.rows,
      F4,
      xOffset: x.offset / 4,
      xRow: x.stride / 4,
      statisticsOffset: 0,
      yOffset: 0,
      yRow: y.stride / 4,
      flagColumn: F4,
    },
    { x, statistics, y },
  )
  return { ...y, cols: x.cols }
}

export const dense: TokenKind<typeof keys, DenseTokens, SavedDense> = {
  description: 'All dense values',
  keys,
  sources: ({ tokens }, layout) => (layout.dense.length > 0 ? [{ from: 'dense values', tokens }] : []),
  check(_, __, layout, refuse) {
    if (layout?.dense.length === 0) refuse('', 'users have no dense values', 'leave it out')
  },
  declare(set, { tokens, standardize, encoding: config }, { dense: features }, d) {
    const constant = (what: string, start: 'zero' | 'one') =>
      set.declare(`user.dense.${what}`, 1, named(features), start, { decay: false })
    const standardization = standardize ? { center: constant('center', 'zero'), scale: constant('scale', 'one') } : null
    const encoding = config && encodings[config.kind]
    const each = encoding?.columns(config!) ?? 1
    return {
      standardization,
      encoded: encoding
        ? {
            encoding,
            layer: encoding.declare(set, 'user.dense', features, config!),
            columns: features.length * each,
          }
        : null,
      linear: declareLinear(set, 'user.dense-tokens', named(features, each), tokens * d),
    }
  },
  forward(rec, layer, batch, y) {
    const standardized = standardizeValues(rec, layer, batch.dense!)
    let encoded = standardized
    if (layer.encoded) {
      encoded = rec.tensor('encoded dense values', standardized.rows, layer.encoded.columns)
      layer.encoded.encoding.forward(rec, layer.encoded.layer, standardized, encoded)
    }
    linearForward(rec, layer.linear, encoded, y)
    return { standardized, encoded }
  },
  backward(rec, { encoded: own, linear }, _, { standardized: x, encoded }, dy) {
    if (!own?.encoding.backward) {
      linearBackward(rec, linear, encoded, dy)
      return
    }
    const dEncoded = rec.tensor('gradient of encoded dense values', x.rows, own.columns)
    linearBackward(rec, linear, encoded, dy, { into: dEncoded, accumulate: false })
    own.encoding.backward(rec, own.layer, x, dEncoded)
  },
}
