/**
 * The attentive dot compression of SUM (Zhang et al. 2023): an MLP of X gives logits Z, their softmax over the tokens
 * weighs the tokens, Y = softmax(Z)ᵀ X, and the dot products of all tokens with these sums, P = X Yᵀ / √d, become new
 * tokens by W₃ vec P + b₃. Shape letters: R rows, n tokens of d, C columns of Z and P [n, C] and tokens of Y.
 */

import { dotCompressionBackwardLogits, dotCompressionBackwardTokens, dotCompressionForward } from '@headwater/kernels'
import { integer } from '../config/config-rules.ts'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { product, rowMatrices } from '../layers/product.ts'
import { reluDropoutBackward } from '../layers/relu.ts'
import { copyTokens, requireWhole } from '../layers/token-matrix.ts'
import { named } from '../parameters/axis.ts'
import { add, assign } from '../plan/tensor.ts'
import { type Extractor, hiddenUnits, newTokens } from './extractor.ts'

const keys = {
  tokens: newTokens,
  // Rows of Z and P are vec4 without gaps.
  columns: integer('Weighted sums; at most as many as there are tokens', 4, 1024, 4),
  hidden: hiddenUnits('of the MLP that gives the weights'),
}

/** A logit that e^ makes 2e-9 of: below the rounding of f32 beside other tokens', and still with a gradient that Adam scales up. */
const outOfReach = -20

export const compression: Extractor<typeof keys> = {
  description: 'Dot products of the tokens with weighted sums of them',
  keys,
  check({ columns }, n, _, refuse) {
    if (columns > n) refuse('columns', `${columns} weighted sums of ${n} tokens compress nothing`, `give at most ${n}`)
  },
  declare(set, name, { tokens: made, columns: C, hidden: units }, { tokens, width: d, dropout }) {
    const n = tokens.length
    const products = named(tokens, C)
    const hiddenLayer = declareLinear(set, `${name}.hidden`, named(tokens, d), units)
    // The softmax runs over tokens: one that a feature adds takes no weight from the others at first.
    const logits = declareLinear(set, `${name}.logits`, units, products, { biasFill: outOfReach })
    const output = declareLinear(set, `${name}.output`, products, made * d)
    const site = set.site()
    const sizes = { N: n, M: C, D4: d / 4, zRow: C, xRow: d / 4, yRow: d / 4, scale: 1, masked: 0 as const }
    const places = { zOffset: 0, xOffset: 0, yOffset: 0 }

    /** @throws RangeError if x is part of a wider tensor */
    return (rec, x, y, training) => {
      requireWhole(x, 'dot compression')
      const R = x.rows
      const tensor = (what: string, cols: number) => rec.tensor(`${what} of ${name}`, R, cols)
      const shape = { B: R, ...sizes, ...places }
      // Without lengths their slot is filled by something that exists.
      const lengths = rec.weights.step
      // Behind ReLU and dropout.
      const hidden = tensor('hidden units', units)
      linearForward(rec, hiddenLayer, x, hidden, { activation: 'relu', dropout: training ? dropout : 0, site })
      const z = tensor('logits', n * C)
      linearForward(rec, logits, hidden, z)
      const sums = tensor('weighted sums', C * d)
      /** Log Σ exp of each column of Z. */
      const lses = rec.tensor(`log sums of ${name}`, 1, R * C)
      rec.dispatch(dotCompressionForward, shape, { z, x, lengths, y: sums, lses })
      const scaledSums = tensor('weighted sums ÷ √d', C * d)
      copyTokens(rec, sums, assign(scaledSums), 1 / Math.sqrt(d))
      const dots = tensor('dot products', n * C)
      product(rec, {
        a: rowMatrices(x, d),
        b: rowMatrices(scaledSums, d),
        bTransposed: true,
        c: assign(rowMatrices(dots, C)),
      })
      linearForward(rec, output, dots, y.into, { accumulate: y.accumulate })

      /** @throws RangeError if the tensor for dx is part of a wider one */
      return (x, dy, dx) => {
        requireWhole(dx.into, 'backward of dot compression')
        const dDots = tensor('gradient of dot products', n * C)
        linearBackward(rec, output, dots, dy, assign(dDots))
        const scaled = tensor('gradient of dot products × √d', n * C)
        copyTokens(rec, dDots, assign(scaled), 1 / Math.sqrt(d))
        const dSums = tensor('gradient of weighted sums', C * d)
        const dP = rowMatrices(scaled, C)
        product(rec, { a: dP, aTransposed: true, b: rowMatrices(x, d), c: assign(rowMatrices(dSums, d)) })

        // The share that comes through Y is assigned by its kernel; where dx holds something already, it is added on the way.
        const through = dx.accumulate ? tensor('gradient through sums', n * d) : dx.into
        rec.dispatch(dotCompressionBackwardTokens, shape, { z, lengths, lses, dy: dSums, dx: through })
        product(rec, {
          a: dP,
          b: rowMatrices(sums, d),
          residual: dx.accumulate ? rowMatrices(through, d) : undefined,
          c: add(rowMatrices(dx.into, d)),
        })

        const dz = tensor('gradient of logits', n * C)
        rec.dispatch(dotCompressionBackwardLogits, shape, { z, x, lengths, lses, y: sums, dy: dSums, dz })
        const dHidden = tensor('gradient of hidden units', units)
        linearBackward(rec, logits, hidden, dz, assign(dHidden))
        const dSum = tensor('gradient before ReLU', units)
        reluDropoutBackward(rec, hidden, dHidden, dSum, dropout)
        linearBackward(rec, hiddenLayer, x, dSum, add(dx.into))
      }
    }
  },
  passesToAdd: 1,
}
