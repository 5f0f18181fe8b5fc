/**
 * Low-rank deep & cross layers (Wang et al. 2021, "DCN V2") over all tokens, and a map over tokens behind them:
 * x₀ = vec X, x_l+1 = x₀ ⊙ ((x_l V_l) U_l + b_l) + x_l, new tokens = W x_L.
 * The backward makes the x_l anew from what was saved, x_l V_l, which is far less.
 * Shape letters: R rows, n tokens of d, L layers, r rank.
 */

import { crossBackward as crossBackwardKernel, crossForward as crossForwardKernel } from '@headwater/kernels'
import { integer, type ReadKeys } from '../config/config-rules.ts'
import { declareLinear, type Linear, linearBackward, linearForward } from '../layers/linear.ts'
import { product } from '../layers/product.ts'
import { declareTokenMap, type TokenMap, tokenMapBackward, tokenMapForward } from '../layers/token-map.ts'
import { requireWhole } from '../layers/token-matrix.ts'
import { named } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import type { Into, Tensor } from '../plan/tensor.ts'
import { type Extractor, type LevelInput, newTokens } from './extractor.ts'

const keys = {
  tokens: newTokens,
  layers: integer('Cross layers', 1, 16),
  rank: integer('Rank of their weights', 1, 4096),
}

export interface Cross {
  readonly layers: readonly CrossLayer[]
  readonly map: TokenMap
}

interface CrossLayer {
  /** V, [n·d, r] */
  readonly down: Linear
  /** U, [r, n·d], and b */
  readonly up: Linear
}

export interface SavedCross {
  /** x_l V_l of each layer, [R, r]. */
  readonly downs: readonly Tensor[]
}

function declare(set: ParameterSet, name: string, config: ReadKeys<typeof keys>, { tokens, width }: LevelInput): Cross {
  const numbers = named(tokens, width)
  return {
    layers: Array.from({ length: config.layers }, (_, l) => ({
      down: declareLinear(set, `${name}.down${l + 1}`, numbers, config.rank, { bias: false }),
      up: declareLinear(set, `${name}.up${l + 1}`, config.rank, numbers),
    })),
    map: declareTokenMap(set, `${name}.tokens`, named(tokens), config.tokens, width),
  }
}

/** x₀ ⊙ (down U + b) + x */
function crossed(rec: ModelRecorder, { up }: CrossLayer, x0: Tensor, down: Tensor, x: Tensor): Tensor {
  const next = rec.tensor(`crossed by ${up.weight.name}`, x0.rows, x0.cols)
  product(
    rec,
    { M: x0.rows, N: x0.cols, K: down.cols },
    {
      a: down,
      b: rec.weights.value(up.weight),
      bias: rec.weights.value(up.bias!),
      factor: x0,
      residual: x,
      c: { into: next, accumulate: false },
    },
  )
  return next
}

function forward(rec: ModelRecorder, cross: Cross, x: Tensor, y: Into): SavedCross {
  const downs: Tensor[] = []
  let current = x
  for (const layer of cross.layers) {
    const down = rec.tensor(`down by ${layer.down.weight.name}`, x.rows, layer.down.weight.cols)
    linearForward(rec, layer.down, current, down)
    downs.push(down)
    current = crossed(rec, layer, x, down, current)
  }
  tokenMapForward(rec, cross.map, current, y)
  return { downs }
}

/** @throws RangeError if x or the tensor for dx is part of a wider one */
function backward(rec: ModelRecorder, cross: Cross, x: Tensor, { downs }: SavedCross, dy: Tensor, dx: Into): void {
  for (const tensor of [x, dx.into]) requireWhole(tensor, 'backward of cross layers')
  const { rows, cols } = x
  const row = cols / 4
  const upOf = (l: number): Tensor => {
    const { up } = cross.layers[l]
    const h = rec.tensor(`up by ${up.weight.name}`, rows, cols)
    linearForward(rec, up, downs[l], h)
    return h
  }
  const end = cross.layers.length - 1
  const inputs = [x]
  for (let l = 0; l < end; l++) inputs.push(crossed(rec, cross.layers[l], x, downs[l], inputs[l]))
  // What the last layer adds is needed next, so x_L is made from it, without a product of its own.
  const lastUp = upOf(end)
  const last = rec.tensor(`before ${cross.map.weight.name}`, rows, cols)
  rec.dispatch(
    crossForwardKernel,
    { R: rows, W4: row, x0Row: row, hRow: row, xRow: row, yOffset: 0, yRow: row },
    { x0: x, h: lastUp, x: inputs[end], y: last },
  )

  // The gradient of x_l, from the last on; every x_l+1 hands its own to x_l unchanged, and more is added to it.
  const g = rec.tensor(`gradient before ${cross.map.weight.name}`, rows, cols)
  tokenMapBackward(rec, cross.map, last, dy, { into: g, accumulate: false })
  for (let l = end; l >= 0; l--) {
    const { down, up } = cross.layers[l]
    const h = l === end ? lastUp : upOf(l)
    const dh = rec.tensor(`gradient of up by ${up.weight.name}`, rows, cols)
    rec.dispatch(
      crossBackwardKernel,
      {
        R: rows,
        W4: row,
        x0Row: row,
        hRow: row,
        yOffset: 0,
        yRow: row,
        accumulate: dx.accumulate || l < end ? 1 : 0,
      },
      { dy: g, x0: x, h, dh, dx0: dx.into },
    )
    const dDown = rec.tensor(`gradient of down by ${down.weight.name}`, rows, downs[l].cols)
    linearBackward(rec, up, downs[l], dh, { into: dDown, accumulate: false })
    linearBackward(rec, down, inputs[l], dDown)
    product(
      rec,
      { M: rows, N: cols, K: dDown.cols },
      {
        a: dDown,
        b: rec.weights.value(down.weight),
        bTransposed: true,
        residual: l === 0 ? g : undefined,
        c: { into: l === 0 ? dx.into : g, accumulate: true },
      },
    )
  }
}

export const cross: Extractor<typeof keys, Cross, SavedCross> = {
  description: 'Low-rank deep & cross layers',
  keys,
  check({ rank }, n, d, refuse) {
    if (rank > n * d) refuse('rank', `${rank} is over the ${n} × ${d} numbers that it maps`, `give at most ${n * d}`)
  },
  declare,
  forward,
  backward,
  passesToAdd: 0,
}
