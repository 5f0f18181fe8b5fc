/**
 * One MLP-Mixer block (Tolstikhin et al. 2021) and a map over tokens behind it:
 * Y = X + W₂ GELU(W₁ LN(X) + b₁) + b₂ over tokens, Z = Y + GELU(LN(Y) W₃ + b₃) W₄ + b₄ over columns, new tokens = W Z.
 * Saved for the backward are Y and what both GELUs are given; norms, GELUs and Z are made anew from these.
 * Shape letters: R rows, n tokens of d.
 */

import { activationBackward, activationForward, activations } from '@headwater/kernels'
import type { ReadKeys } from '../config/config-rules.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { product } from '../layers/product.ts'
import { declareTokenMap, type TokenMap, tokenMapBackward, tokenMapForward } from '../layers/token-map.ts'
import { copyTokens, tokenRows } from '../layers/token-matrix.ts'
import { declareTokenNorm, type TokenNorm, tokenNormBackward, tokenNormForward } from '../layers/token-norm.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Into, Tensor } from '../plan/tensor.ts'
import { type Extractor, hiddenUnits, type LevelInput, newTokens } from './extractor.ts'

const keys = {
  tokens: newTokens,
  tokenHidden: hiddenUnits('over the tokens'),
  channelHidden: hiddenUnits('over the columns of a token'),
}

export interface Mixer {
  /** d */
  readonly width: number
  readonly tokenNorm: TokenNorm
  readonly tokenHidden: TokenMap
  readonly tokenOutput: TokenMap
  readonly channelNorm: TokenNorm
  readonly channelHidden: Linear
  readonly channelOutput: Linear
  readonly map: TokenMap
}

export interface SavedMixer {
  /** Before GELU, [R, token hidden units · d]; behind it where the forward was not for training, as the other. */
  readonly tokenSum: Tensor
  /** Y, [R, n·d]. */
  readonly y: Tensor
  /** Before GELU, [R·n, channel hidden units]. */
  readonly channelSum: Tensor
}

/**
 * b₂ is a number for a whole token, which no norm inside the mixer sees and the maps behind it hand on as one: where the
 * level's norm takes means off, it has no effect, and is not there.
 */
function declare(
  set: ParameterSet,
  name: string,
  { tokens: made, tokenHidden, channelHidden }: ReadKeys<typeof keys>,
  { tokens, width, centers }: LevelInput,
): Mixer {
  const n = named(tokens)
  return {
    width,
    tokenNorm: declareTokenNorm(set, `${name}.token-norm`, 'layer', width),
    tokenHidden: declareTokenMap(set, `${name}.token-hidden`, n, tokenHidden, width, { bias: true }),
    tokenOutput: declareTokenMap(set, `${name}.token-output`, tokenHidden, n, width, { bias: !centers }),
    channelNorm: declareTokenNorm(set, `${name}.channel-norm`, 'layer', width),
    channelHidden: declareLinear(set, `${name}.channel-hidden`, width, channelHidden),
    channelOutput: declareLinear(set, `${name}.channel-output`, channelHidden, width),
    map: declareTokenMap(set, `${name}.tokens`, n, made, width),
  }
}

/** GELU of a whole tensor. */
function gelu(rec: ModelRecorder, x: Tensor): Tensor {
  const y = rec.tensor(`GELU of ${x.storage.label}`, x.rows, x.cols)
  rec.dispatch(activationForward, geluShape(x), { x, step: rec.weights.step, y })
  return y
}

const geluShape = ({ rows, stride }: Tensor) => ({
  count4: (rows * stride) / 4,
  code: activations.gelu,
  dropout: 0,
  site: 0,
})

function geluBackward(rec: ModelRecorder, x: Tensor, dy: Tensor): Tensor {
  const dx = rec.tensor(`gradient of ${x.storage.label}`, x.rows, x.cols)
  rec.dispatch(activationBackward, geluShape(x), { x, step: rec.weights.step, dy, dx })
  return dx
}

function normalized(rec: ModelRecorder, norm: TokenNorm, x: Tensor) {
  const y = rec.tensor(`behind ${norm.gain.name}`, x.rows, x.cols)
  return { y, moments: tokenNormForward(rec, norm, x, y) }
}

/** Z, from Y and the hidden units [R·n, h] behind GELU. */
function output(rec: ModelRecorder, mixer: Mixer, y: Tensor, hidden: Tensor): Tensor {
  const { weight, bias } = mixer.channelOutput
  const z = rec.tensor(`behind ${weight.name}`, y.rows, y.cols)
  product(
    rec,
    { M: hidden.rows, N: mixer.width, K: hidden.cols },
    {
      a: hidden,
      b: rec.weights.value(weight),
      bias: rec.weights.value(bias!),
      residual: tokenRows(y, mixer.width),
      c: { into: tokenRows(z, mixer.width), accumulate: false },
    },
  )
  return z
}

function forward(rec: ModelRecorder, mixer: Mixer, x: Tensor, into: Into, training: boolean): SavedMixer {
  const { tokenHidden, channelHidden, width } = mixer
  const activation = training ? 'none' : 'gelu'
  const behind = (sum: Tensor) => (training ? gelu(rec, sum) : sum)

  const tokenSum = rec.tensor(`sum of ${tokenHidden.weight.name}`, x.rows, tokenHidden.weight.rows * width)
  const across = normalized(rec, mixer.tokenNorm, x).y
  tokenMapForward(rec, tokenHidden, across, { into: tokenSum, accumulate: false }, { activation })
  const y = rec.tensor(`behind ${mixer.tokenOutput.weight.name}`, x.rows, x.cols)
  tokenMapForward(rec, mixer.tokenOutput, behind(tokenSum), { into: y, accumulate: false }, { residual: x })

  const along = tokenRows(normalized(rec, mixer.channelNorm, y).y, width)
  const channelSum = rec.tensor(`sum of ${channelHidden.weight.name}`, along.rows, channelHidden.weight.cols)
  linearForward(rec, channelHidden, along, channelSum, { activation })
  tokenMapForward(rec, mixer.map, output(rec, mixer, y, behind(channelSum)), into)
  return { tokenSum, y, channelSum }
}

function backward(
  rec: ModelRecorder,
  mixer: Mixer,
  x: Tensor,
  { tokenSum, y, channelSum }: SavedMixer,
  dOut: Tensor,
  dx: Into,
): void {
  const { width } = mixer
  const assign = (into: Tensor): Into => ({ into, accumulate: false })
  const gradientOf = (tensor: Tensor, what: string) =>
    rec.tensor(`gradient of ${what} ${mixer.map.weight.name}`, tensor.rows, tensor.cols)

  const channelUnits = gelu(rec, channelSum)
  const dy = gradientOf(y, 'Y before')
  // First dZ, which is a share of dY.
  tokenMapBackward(rec, mixer.map, output(rec, mixer, y, channelUnits), dOut, assign(dy))
  const dChannelUnits = gradientOf(channelUnits, 'channel units before')
  linearBackward(rec, mixer.channelOutput, channelUnits, tokenRows(dy, width), assign(dChannelUnits))
  const dChannelSum = geluBackward(rec, channelSum, dChannelUnits)
  const along = normalized(rec, mixer.channelNorm, y)
  const dAlong = gradientOf(y, 'normalized Y before')
  const rows = tokenRows(along.y, width)
  linearBackward(rec, mixer.channelHidden, rows, dChannelSum, assign(tokenRows(dAlong, width)))
  tokenNormBackward(rec, mixer.channelNorm, y, along.moments, dAlong, { into: dy, accumulate: true })

  const tokenUnits = gelu(rec, tokenSum)
  const dTokenUnits = gradientOf(tokenUnits, 'token units before')
  tokenMapBackward(rec, mixer.tokenOutput, tokenUnits, dy, assign(dTokenUnits))
  const dTokenSum = geluBackward(rec, tokenSum, dTokenUnits)
  const across = normalized(rec, mixer.tokenNorm, x)
  const dAcross = gradientOf(x, 'normalized X before')
  tokenMapBackward(rec, mixer.tokenHidden, across.y, dTokenSum, assign(dAcross))
  tokenNormBackward(rec, mixer.tokenNorm, x, across.moments, dAcross, dx)
  copyTokens(rec, dy, { into: dx.into, accumulate: true })
}

export const mixer: Extractor<typeof keys, Mixer, SavedMixer> = {
  description: 'An MLP-Mixer block',
  keys,
  declare,
  forward,
  backward,
  passesToAdd: 2,
}
