/**
 * The float64 references prove the kernels; here central differences of the forward references prove the backward ones.
 * For a loss f = Σ c · outputs and a random direction d, (f(x + hd) − f(x − hd)) / 2h must be the gradient's product with d.
 */
import type { ReferenceArrays } from '@headwater/gpu'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { describe, expect, it } from 'vitest'
import {
  attentionPoolBackward,
  attentionPoolForward,
  bceMultiTask,
  groupedDotBackward,
  groupedDotForward,
  layerNormBackward,
  layerNormForward,
  matmul,
  reluBackward,
} from './index.ts'
import { widen } from './testing/run-kernel.ts'

const h = 1e-5

const normals = (length: number, random: SeededRandom) => Float64Array.from({ length }, () => random.nextNormal())

const product = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** Checks a gradient for some inputs, along three directions through all of them. */
function expectGradient<Name extends string>(
  inputs: { readonly [K in Name]: Float64Array | Uint32Array },
  loss: (inputs: { [K in Name]: Float64Array }) => number,
  gradient: { readonly [K in Name]: Float64Array | Uint32Array },
  random: SeededRandom,
): void {
  const names = Object.keys(inputs) as Name[]
  for (let trial = 0; trial < 3; trial++) {
    const direction = Object.fromEntries(names.map((name) => [name, normals(inputs[name].length, random)]))
    const at = (step: number) =>
      loss(
        Object.fromEntries(
          names.map((name) => [name, Float64Array.from(inputs[name], (x, i) => x + step * direction[name][i])]),
        ) as { [K in Name]: Float64Array },
      )
    const numeric = (at(h) - at(-h)) / (2 * h)
    const analytic = names.reduce((sum, name) => sum + product(gradient[name], direction[name]), 0)
    expect(Math.abs(numeric - analytic)).toBeLessThan(1e-6 * (1 + Math.abs(numeric)))
  }
}

const draw = (random: SeededRandom) => () => random.nextFloat()

describe('backward references are the gradients of the forward ones', () => {
  for (const shape of layerNormForward.cases)
    it(`layer norm ${JSON.stringify(shape)}`, () => {
      const random = seededRandom(1)
      const forward = widen(layerNormForward.example(shape, draw(random)))
      const dy = normals(forward.y.length, random)
      const y = (x: Float64Array) => {
        const arrays = { x, y: new Float64Array(dy.length), rstd: new Float64Array(shape.V) }
        layerNormForward.reference(shape, arrays)
        return arrays
      }
      const { y: normalized, rstd } = y(forward.x as Float64Array)
      const dx = new Float64Array(forward.x.length)
      layerNormBackward.reference(shape, { y: normalized, rstd, dy, dx })
      expectGradient({ x: forward.x }, ({ x }) => product(y(x).y, dy), { x: dx }, random)
    })

  for (const shape of attentionPoolForward.cases.slice(0, 2))
    it(`attention pool ${JSON.stringify(shape)}`, () => {
      const random = seededRandom(2)
      const { R, L, C, D4, V, pOffset, yRow } = shape
      const D = D4 * 4
      const given = widen(attentionPoolForward.example(shape, draw(random))) as ReferenceArrays<
        'table' | 'ids' | 'channels' | 'lengths' | 'parameters' | 'y'
      >
      const dy = normals(R * yRow * 4, random)
      const loss = (changed: { table: Float64Array; parameters: Float64Array }) => {
        const arrays = { ...given, ...changed, y: new Float64Array(R * yRow * 4) }
        attentionPoolForward.reference(shape, arrays)
        return product(arrays.y, dy)
      }
      const dx = new Float64Array(R * L * D)
      const partial = new Float64Array(R * (C + 1) * D)
      attentionPoolBackward.reference(shape, { ...given, dy, dx, partial })
      const table = new Float64Array(V * D)
      for (let r = 0; r < R; r++)
        for (let l = 0; l < given.lengths[r]; l++)
          for (let d = 0; d < D; d++) table[given.ids[r * L + l] * D + d] += dx[(r * L + l) * D + d]
      const parameters = new Float64Array(given.parameters.length)
      for (const [i, value] of partial.entries()) parameters[pOffset * 4 + (i % ((C + 1) * D))] += value
      expectGradient({ table: given.table, parameters: given.parameters }, loss, { table, parameters }, random)
    })

  for (const shape of groupedDotForward.cases)
    it(`grouped dot ${JSON.stringify(shape)}`, () => {
      const random = seededRandom(3)
      const { R, G, W4, zIn, zOut, zRow } = shape
      const { v, z } = widen(groupedDotForward.example(shape, draw(random)))
      // The loss sees the input columns of z too; of the outputs only those that stand for a group.
      const dz = new Float64Array(z.length)
      for (let r = 0; r < R; r++)
        for (let i = 0; i < zRow * 4; i++) {
          const isInput = i >= zIn * 4 && i < (zIn + G * W4) * 4
          const isOutput = i >= zOut && i < zOut + G
          if (isInput || isOutput) dz[r * zRow * 4 + i] = random.nextNormal()
        }
      const loss = (inputs: { z: Float64Array; v: Float64Array }) => {
        const arrays = { v: inputs.v, z: inputs.z.slice() }
        groupedDotForward.reference(shape, arrays)
        return product(arrays.z, dz)
      }
      const out = z.slice()
      groupedDotForward.reference(shape, { v, z: out })
      const gradient = { dz: dz.slice(), dv: new Float64Array(v.length) }
      groupedDotBackward.reference(shape, { v, z: out, ...gradient })
      // z's outputs are overwritten, so the loss does not depend on what they held.
      for (let r = 0; r < R; r++) gradient.dz.fill(0, r * zRow * 4 + zOut, r * zRow * 4 + zOut + G)
      expectGradient({ z, v }, loss, { z: gradient.dz, v: gradient.dv }, random)
    })

  for (const shape of bceMultiTask.cases)
    it(`binary cross-entropy ${JSON.stringify(shape)}`, () => {
      const random = seededRandom(4)
      const { R, T, scale } = shape
      const given = widen(bceMultiTask.example(shape, draw(random))) as ReferenceArrays<
        'logits' | 'labels' | 'rowWeights' | 'taskWeights' | 'loss' | 'dlogits'
      >
      const width = given.logits.length / R
      const loss = ({ logits }: { logits: Float64Array }) => {
        const arrays = { ...given, logits, loss: new Float64Array(R * width), dlogits: new Float64Array(R * width) }
        bceMultiTask.reference(shape, arrays)
        let sum = 0
        for (let r = 0; r < R; r++)
          for (let t = 0; t < T; t++)
            sum += given.rowWeights[r] * given.taskWeights[t] * arrays.loss[r * width + t] * scale
        return sum
      }
      bceMultiTask.reference(shape, given)
      expectGradient({ logits: given.logits }, loss, { logits: given.dlogits }, random)
    })

  for (const [index, shape] of matmul.cases.entries())
    it(`matmul with its epilogue ${JSON.stringify(shape)}`, () => {
      const random = seededRandom(5 + index)
      const { M, N, K } = shape
      const given = widen(matmul.example(shape, draw(random))) as ReferenceArrays<'a' | 'b' | 'bias' | 'step' | 'c'>
      const outputs = (changed: Partial<typeof given>) => {
        const arrays = { ...given, ...changed, c: given.c.slice() }
        matmul.reference(shape, arrays)
        return arrays.c
      }
      const { cOffset, cRow, bOffset, bRow, aOffset, aRow, aCol, biasOffset, dropout } = shape
      const isOutput = (i: number) => i >= cOffset * 4 && (i - cOffset * 4) % (cRow * 4) < N
      const dc = normals(given.c.length, random).map((g, i) => (isOutput(i) ? g : 0))
      let before = dc
      if (shape.relu) {
        before = new Float64Array(dc.length)
        const count4 = dc.length / 4
        reluBackward.reference({ count4, scale: 1 / (1 - dropout) }, { y: outputs({}), dy: dc, dx: before })
      }
      // dA = dC Bᵀ and dB = Aᵀ dC, written out
      const a = new Float64Array(given.a.length)
      const b = new Float64Array(given.b.length)
      const bias = new Float64Array(given.bias.length)
      for (let m = 0; m < M; m++)
        for (let n = 0; n < N; n++) {
          const g = before[(cOffset + m * cRow) * 4 + n]
          if (shape.hasBias) bias[biasOffset * 4 + n] += g
          for (let k = 0; k < K; k++) {
            a[aOffset + m * aRow + k * aCol] += g * given.b[(bOffset + k * bRow) * 4 + n]
            b[(bOffset + k * bRow) * 4 + n] += g * given.a[aOffset + m * aRow + k * aCol]
          }
        }
      const { a: A, b: B, bias: Bias } = given
      expectGradient({ a: A, b: B, bias: Bias }, (inputs) => product(outputs(inputs), dc), { a, b, bias }, random)
    })
})
