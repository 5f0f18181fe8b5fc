/**
 * The MLP extractor: new tokens = W₂ σ(W₁ vec X + b₁) + b₂, σ being ReLU and, in training, dropout.
 * Shape letters: R rows, n tokens of d, h hidden units, m new tokens.
 */

import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { reluDropoutBackward } from '../layers/relu.ts'
import { named } from '../parameters/axis.ts'
import { assign } from '../plan/tensor.ts'
import { type Extractor, hiddenUnits, newTokens } from './extractor.ts'

const keys = { tokens: newTokens, hidden: hiddenUnits('of it') }

/** A two-layer MLP over all tokens. */
export const mlp: Extractor<typeof keys> = {
  description: 'A two-layer MLP over all tokens',
  keys,
  declare(set, name, { tokens: m, hidden: h }, { tokens, width, dropout }) {
    const first = declareLinear(set, `${name}.hidden`, named(tokens, width), h)
    const second = declareLinear(set, `${name}.output`, h, m * width)
    const site = set.site()
    return (rec, x, y, training) => {
      const hidden = rec.tensor(`σ of ${name}`, x.rows, h)
      linearForward(rec, first, x, hidden, { activation: 'relu', dropout: training ? dropout : 0, site })
      linearForward(rec, second, hidden, y.into, { accumulate: y.accumulate })
      return (x, dy, dx) => {
        const dHidden = rec.tensor(`gradient of σ of ${name}`, x.rows, h)
        linearBackward(rec, second, hidden, dy, assign(dHidden))
        const dSum = rec.tensor(`gradient before σ of ${name}`, x.rows, h)
        reluDropoutBackward(rec, hidden, dHidden, dSum, dropout)
        linearBackward(rec, first, x, dSum, dx)
      }
    }
  },
  passesToAdd: 0,
}
