/**
 * Dense values as tokens: standardized by fitted constants, encoded, and mapped by a linear layer.
 *   x̂ = (x − center) · scale;  e = x̂, or an encoding of each feature;  tokens = e W + b
 * Shape letters: R rows, F features, n tokens of width d.
 */

import { padded, standardize as standardizeKernel } from '@headwater/kernels'
import { flag, integer, optional, type ReadKeys } from '../config/config-rules.ts'
import { encodingRule, encodings } from '../encodings/encodings.ts'
import type { InputBatch } from '../inputs/input-batch.ts'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, ParameterSet } from '../parameters/parameter-set.ts'
import { assign, columns, rowsOf, type Tensor } from '../plan/tensor.ts'
import type { TokenKind } from './token-kind.ts'

const keys = {
  tokens: integer('Tokens made of all dense values', 1, 1024),
  standardize: flag('Center and scale the values by the first examples'),
  encoding: optional(encodingRule),
}

export type DenseTokensConfig = ReadKeys<typeof keys>

/** x̂, from center and scale, constants [1, F] that are fitted once: `fitDense`. */
function standardized(rec: ModelRecorder, constants: readonly Parameter[], x: Tensor): Tensor {
  const F4 = padded(x.cols) / 4
  // The kernel reads both in one run, and each is memory of its own.
  const statistics = rec.tensor('dense statistics', 2, x.cols)
  for (const [row, parameter] of constants.entries())
    copyTokens(rec, columns(rec.weights.value(parameter), 0, F4 * 4), assign(rowsOf(statistics, row, 1)))
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

/** x̂ of a batch, for what takes the values beside the tokens; their constants are declared with the tokens. */
export function denseValues(set: ParameterSet): (rec: ModelRecorder, batch: InputBatch) => Tensor {
  const constants = ['center', 'scale'].flatMap((what) =>
    set.parameters.filter(({ name }) => name === `user.dense.${what}`),
  )
  return (rec, { dense: x }) => (constants.length > 0 ? standardized(rec, constants, x!) : x!)
}

export const dense: TokenKind<typeof keys> = {
  description: 'All dense values',
  keys,
  sources: ({ tokens }, layout) => (layout.dense.length > 0 ? [{ from: 'dense values', tokens }] : []),
  check(_, __, layout, refuse) {
    if (layout?.dense.length === 0) refuse('', 'users have no dense values', 'leave it out')
  },
  declare(set, { tokens, standardize, encoding: config }, { dense: features }, d) {
    const constant = (what: string, start: 'zero' | 'one') =>
      set.declare(`user.dense.${what}`, 1, named(features), start, { decay: false })
    const constants = standardize ? [constant('center', 'zero'), constant('scale', 'one')] : null
    const encoding = config && encodings[config.kind]
    const encode = encoding?.declare(set, 'user.dense', features, config!)
    const each = encoding?.columns(config!) ?? 1
    const linear = declareLinear(set, 'user.dense-tokens', named(features, each), tokens * d)
    return (rec, batch, y) => {
      const x = constants ? standardized(rec, constants, batch.dense!) : batch.dense!
      const e = encode ? rec.tensor('encoded dense values', x.rows, features.length * each) : x
      const encodingBackward = encode?.(rec, x, e)
      linearForward(rec, linear, e, y)
      return (dy) => {
        const de = encodingBackward && rec.tensor('gradient of encoded dense values', e.rows, e.cols)
        linearBackward(rec, linear, e, dy, de && assign(de))
        if (de) encodingBackward(de)
      }
    }
  },
}
