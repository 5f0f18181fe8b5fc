/**
 * Low-rank deep & cross layers (Wang et al. 2021, "DCN V2") over all tokens, and a map over tokens behind them:
 * x₀ = vec X, x_l+1 = x₀ ⊙ ((x_l V_l) U_l + b_l) + x_l, new tokens = W x_L.
 * The backward makes the x_l anew from what was saved, x_l V_l, which is far less.
 * Shape letters: R rows, n tokens of d, L layers, r rank.
 */

import { crossBackward, crossForward } from '@headwater/kernels'
import { integer } from '../config/config-rules.ts'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import { product } from '../layers/product.ts'
import { declareTokenMap, tokenMapBackward, tokenMapForward } from '../layers/token-map.ts'
import { requireWhole } from '../layers/token-matrix.ts'
import { named } from '../parameters/axis.ts'
import { add, assign, type Tensor } from '../plan/tensor.ts'
import { type Extractor, newTokens } from './extractor.ts'

const keys = {
  tokens: newTokens,
  layers: integer('Cross layers', 1, 16),
  rank: integer('Rank of their weights', 1, 4096),
}

export const cross: Extractor<typeof keys> = {
  description: 'Low-rank deep & cross layers',
  keys,
  check({ rank }, n, d, refuse) {
    if (rank > n * d) refuse('rank', `${rank} is over the ${n} × ${d} numbers that it maps`, `give at most ${n * d}`)
  },
  declare(set, name, { tokens: made, layers: L, rank }, { tokens, width }) {
    const numbers = named(tokens, width)
    const layers = Array.from({ length: L }, (_, l) => ({
      // V, [n·d, r]
      down: declareLinear(set, `${name}.down${l + 1}`, numbers, rank, { bias: false }),
      // U, [r, n·d], and b
      up: declareLinear(set, `${name}.up${l + 1}`, rank, numbers),
    }))
    const map = declareTokenMap(set, `${name}.tokens`, named(tokens), made, width)

    return (rec, x, y) => {
      const { rows, cols } = x
      const tensor = (what: string, columns = cols) => rec.tensor(`${what} of ${name}`, rows, columns)
      /** x_l V_l of each layer. */
      const downs: Tensor[] = []
      /** x₀ ⊙ (x_l V_l U_l + b_l) + x_l */
      const crossed = (l: number, x0: Tensor, xl: Tensor) => {
        const next = tensor(`x_${l + 1}`)
        const { weight, bias } = layers[l].up
        product(rec, {
          a: downs[l],
          b: rec.weights.value(weight),
          bias: rec.weights.value(bias!),
          factor: x0,
          residual: xl,
          c: assign(next),
        })
        return next
      }
      let current = x
      for (const [l, { down }] of layers.entries()) {
        downs.push(tensor(`x_${l} V`, rank))
        linearForward(rec, down, current, downs[l])
        current = crossed(l, x, current)
      }
      tokenMapForward(rec, map, current, y)

      /** @throws RangeError if x or the tensor for dx is part of a wider one */
      return (x, dy, dx) => {
        for (const whole of [x, dx.into]) requireWhole(whole, 'backward of cross layers')
        const row = cols / 4
        const upOf = (l: number) => {
          const h = tensor(`x_${l} V U`)
          linearForward(rec, layers[l].up, downs[l], h)
          return h
        }
        const end = L - 1
        const inputs = [x]
        for (let l = 0; l < end; l++) inputs.push(crossed(l, x, inputs[l]))
        // What the last layer adds is needed next, so x_L is made from it, without a product of its own.
        const lastUp = upOf(end)
        const last = tensor(`x_${L}`)
        rec.dispatch(
          crossForward,
          { R: rows, W4: row, x0Row: row, hRow: row, xRow: row, yOffset: 0, yRow: row },
          { x0: x, h: lastUp, x: inputs[end], y: last },
        )

        // The gradient of x_l, from the last on; every x_l+1 hands its own to x_l unchanged, and more is added to it.
        const g = tensor('gradient of x_l')
        tokenMapBackward(rec, map, last, dy, assign(g))
        for (let l = end; l >= 0; l--) {
          const { down, up } = layers[l]
          const h = l === end ? lastUp : upOf(l)
          const dh = tensor(`gradient of x_${l} V U`)
          const accumulate = dx.accumulate || l < end ? 1 : 0
          rec.dispatch(
            crossBackward,
            { R: rows, W4: row, x0Row: row, hRow: row, yOffset: 0, yRow: row, accumulate },
            { dy: g, x0: x, h, dh, dx0: dx.into },
          )
          const dDown = tensor(`gradient of x_${l} V`, rank)
          linearBackward(rec, up, downs[l], dh, assign(dDown))
          linearBackward(rec, down, inputs[l], dDown)
          product(rec, {
            a: dDown,
            b: rec.weights.value(down.weight),
            bTransposed: true,
            residual: l === 0 ? g : undefined,
            c: add(l === 0 ? dx.into : g),
          })
        }
      }
    }
  },
  passesToAdd: 0,
}
