/**
 * One MLP-Mixer block (Tolstikhin et al. 2021) and a map over tokens behind it:
 * Y = X + W₂ GELU(W₁ LN(X) + b₁) + b₂ over tokens, Z = Y + GELU(LN(Y) W₃ + b₃) W₄ + b₄ over columns, new tokens = W Z.
 * Saved for the backward are Y and what both GELUs are given; norms, GELUs and Z are made anew from these.
 * Shape letters: R rows, n tokens of d.
 */

import { activationBackward, activationForward, activations } from '@headwater/kernels'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { product } from '../layers/product.ts'
import { declareTokenMap, tokenMapBackward, tokenMapForward } from '../layers/token-map.ts'
import { copyTokens, tokenRows } from '../layers/token-matrix.ts'
import { declareTokenNorm, type TokenNorm } from '../layers/token-norm.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import { add, assign, type Tensor } from '../plan/tensor.ts'
import { type Extractor, hiddenUnits, newTokens } from './extractor.ts'

const keys = {
  tokens: newTokens,
  tokenHidden: hiddenUnits('over the tokens'),
  channelHidden: hiddenUnits('over the columns of a token'),
}

const geluShape = ({ rows, stride }: Tensor) => ({
  count4: (rows * stride) / 4,
  code: activations.gelu,
  dropout: 0,
  site: 0,
})

/** GELU of a whole tensor. */
function gelu(rec: ModelRecorder, x: Tensor): Tensor {
  const y = rec.tensor(`GELU of ${x.storage.label}`, x.rows, x.cols)
  rec.dispatch(activationForward, geluShape(x), { x, step: rec.weights.step, y })
  return y
}

function geluBackward(rec: ModelRecorder, x: Tensor, dy: Tensor): Tensor {
  const dx = rec.tensor(`gradient of ${x.storage.label}`, x.rows, x.cols)
  rec.dispatch(activationBackward, geluShape(x), { x, step: rec.weights.step, dy, dx })
  return dx
}

function normalized(rec: ModelRecorder, norm: TokenNorm, x: Tensor) {
  const y = rec.tensor(`normalized ${x.storage.label}`, x.rows, x.cols)
  return { y, backward: norm(rec, x, y) }
}

export const mixer: Extractor<typeof keys> = {
  description: 'An MLP-Mixer block',
  keys,
  declare(set, name, config, { tokens, width, centers }) {
    const n = named(tokens)
    const tokenNorm = declareTokenNorm(set, `${name}.token-norm`, 'layer', width)
    const tokenHidden = declareTokenMap(set, `${name}.token-hidden`, n, config.tokenHidden, width, { bias: true })
    // b₂ is a number for a whole token, which no norm inside the mixer sees and the maps behind it hand on as one: where the
    // level's norm takes means off, it has no effect, and is not there.
    const b2 = { bias: !centers }
    const tokenOutput = declareTokenMap(set, `${name}.token-output`, config.tokenHidden, n, width, b2)
    const channelNorm = declareTokenNorm(set, `${name}.channel-norm`, 'layer', width)
    const channelHidden = declareLinear(set, `${name}.channel-hidden`, width, config.channelHidden)
    const channelOutput = declareLinear(set, `${name}.channel-output`, config.channelHidden, width)
    const map = declareTokenMap(set, `${name}.tokens`, n, config.tokens, width)

    return (rec, x, into, training) => {
      const { rows, cols } = x
      const tensor = (what: string) => rec.tensor(`${what} of ${name}`, rows, cols)
      /** Z, from Y and the hidden units [R·n, h] behind GELU. */
      const output = (y: Tensor, hidden: Tensor): Tensor => {
        const z = tensor('Z')
        product(rec, {
          a: hidden,
          b: rec.weights.value(channelOutput.weight),
          bias: rec.weights.value(channelOutput.bias!),
          residual: tokenRows(y, width),
          c: assign(tokenRows(z, width)),
        })
        return z
      }
      const activation = training ? 'none' : 'gelu'
      // Where the forward is not for training, sums are behind GELU already.
      const behind = (sum: Tensor) => (training ? gelu(rec, sum) : sum)

      const tokenSum = rec.tensor(`token units of ${name}`, rows, config.tokenHidden * width)
      tokenMapForward(rec, tokenHidden, normalized(rec, tokenNorm, x).y, assign(tokenSum), { activation })
      const y = tensor('Y')
      tokenMapForward(rec, tokenOutput, behind(tokenSum), assign(y), { residual: x })
      const along = tokenRows(normalized(rec, channelNorm, y).y, width)
      const channelSum = rec.tensor(`channel units of ${name}`, along.rows, config.channelHidden)
      linearForward(rec, channelHidden, along, channelSum, { activation })
      tokenMapForward(rec, map, output(y, behind(channelSum)), into)

      return (x, dOut, dx) => {
        const like = ({ rows, cols }: Tensor, what: string) => rec.tensor(`gradient of ${what} of ${name}`, rows, cols)
        const channelUnits = gelu(rec, channelSum)
        const dy = like(y, 'Y')
        // First dZ, which is a share of dY.
        tokenMapBackward(rec, map, output(y, channelUnits), dOut, assign(dy))
        const dChannelUnits = like(channelUnits, 'channel units')
        linearBackward(rec, channelOutput, channelUnits, tokenRows(dy, width), assign(dChannelUnits))
        const dChannelSum = geluBackward(rec, channelSum, dChannelUnits)
        const along = normalized(rec, channelNorm, y)
        const dAlong = like(y, 'normalized Y')
        linearBackward(rec, channelHidden, tokenRows(along.y, width), dChannelSum, assign(tokenRows(dAlong, width)))
        along.backward(dAlong, add(dy))

        const tokenUnits = gelu(rec, tokenSum)
        const dTokenUnits = like(tokenUnits, 'token units')
        tokenMapBackward(rec, tokenOutput, tokenUnits, dy, assign(dTokenUnits))
        const dTokenSum = geluBackward(rec, tokenSum, dTokenUnits)
        const across = normalized(rec, tokenNorm, x)
        const dAcross = like(x, 'normalized X')
        tokenMapBackward(rec, tokenHidden, across.y, dTokenSum, assign(dAcross))
        across.backward(dAcross, dx)
        copyTokens(rec, dy, add(dx.into))
      }
    }
  },
  passesToAdd: 2,
}
