/**
 * The MLP extractor: new tokens = W₂ σ(W₁ vec X + b₁) + b₂, σ being ReLU and, in training, dropout.
 * Shape letters: R rows, n tokens of d, h hidden units, m new tokens.
 */

import type { ReadKeys } from '../config/config-rules.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { reluDropoutBackward } from '../layers/relu.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Into, Tensor } from '../plan/tensor.ts'
import { type Extractor, hiddenUnits, type LevelInput, newTokens } from './extractor.ts'

const keys = { tokens: newTokens, hidden: hiddenUnits('of it') }

export interface Mlp {
  readonly hidden: Linear
  readonly output: Linear
  readonly dropout: number
  readonly site: number
}

export interface SavedMlp {
  /** Behind ReLU and dropout, [R, h]. */
  readonly hidden: Tensor
}

function declare(
  set: ParameterSet,
  name: string,
  config: ReadKeys<typeof keys>,
  { tokens, width, dropout }: LevelInput,
): Mlp {
  return {
    hidden: declareLinear(set, `${name}.hidden`, named(tokens, width), config.hidden),
    output: declareLinear(set, `${name}.output`, config.hidden, config.tokens * width),
    dropout,
    site: set.site(),
  }
}

function forward(rec: ModelRecorder, mlp: Mlp, x: Tensor, y: Into, training: boolean): SavedMlp {
  const hidden = rec.tensor(`σ of ${mlp.hidden.weight.name}`, x.rows, mlp.hidden.weight.cols)
  linearForward(rec, mlp.hidden, x, hidden, {
    activation: 'relu',
    dropout: training ? mlp.dropout : 0,
    site: mlp.site,
  })
  linearForward(rec, mlp.output, hidden, y.into, { accumulate: y.accumulate })
  return { hidden }
}

function backward(rec: ModelRecorder, mlp: Mlp, x: Tensor, { hidden }: SavedMlp, dy: Tensor, dx: Into): void {
  const dHidden = rec.tensor(`gradient of ${mlp.hidden.weight.name}`, hidden.rows, hidden.cols)
  linearBackward(rec, mlp.output, hidden, dy, { into: dHidden, accumulate: false })
  const dSum = rec.tensor(`gradient before σ of ${mlp.hidden.weight.name}`, hidden.rows, hidden.cols)
  reluDropoutBackward(rec, hidden, dHidden, dSum, mlp.dropout)
  linearBackward(rec, mlp.hidden, x, dSum, dx)
}

/** A two-layer MLP over all tokens. */
export const mlp: Extractor<typeof keys, Mlp, SavedMlp> = {
  description: 'A two-layer MLP over all tokens',
  keys,
  declare,
  forward,
  backward,
  passesToAdd: 0,
}
