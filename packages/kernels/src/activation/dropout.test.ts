import { seededRandom } from '@headwater/statistics'
import { expect, it } from 'vitest'
import { exampleArrays } from '../examples/example.ts'
import { matmul } from '../matmul/matmul.ts'
import { matmulShape } from '../matmul/shape.ts'
import { widen } from '../testing/run-kernel.ts'
import { activations } from '../wgsl/activation.ts'
import { keptReference } from '../wgsl/dropout.ts'
import { activationForward } from './activation.ts'

const step = Uint32Array.of(77)

it('drops the share that was asked for, and others at another step or site', () => {
  const kept = (stepNumber: number, site: number) =>
    Array.from({ length: 20_000 }, (_, i) => (keptReference(stepNumber, site, 0.3, i) > 0 ? 1 : 0))
  const [a, b, c] = [kept(1, 1), kept(2, 1), kept(1, 2)]
  // five standard deviations of a binomial share
  for (const draw of [a, b, c])
    expect(Math.abs(draw.reduce((sum: number, k) => sum + k, 0) / 20_000 - 0.7)).toBeLessThan(0.0163)
  for (const other of [b, c]) {
    const both = a.filter((k, i) => k === 1 && other[i] === 1).length / 20_000
    expect(Math.abs(both - 0.49)).toBeLessThan(0.018)
  }
})

it('drops the elements that the epilogue of a matmul drops', () => {
  const random = seededRandom(1)
  const shape = matmulShape({ M: 9, N: 12, K: 1, activation: activations.silu, dropout: 0.5, site: 4 })
  const given = widen(exampleArrays(matmul, shape, () => random.nextFloat()))
  const product = { ...given, step } as Parameters<typeof matmul.reference>[1]
  matmul.reference(shape, product)
  const x = Float64Array.from({ length: 9 * 12 }, (_, i) => given.a[Math.floor(i / 12) * 4] * given.b[i % 12])
  const y = new Float64Array(x.length)
  activationForward.reference({ count4: 27, code: activations.silu, dropout: 0.5, site: 4 }, { x, step, y })
  for (const [i, value] of y.entries()) expect(product.c[i]).toBeCloseTo(value, 12)
})
