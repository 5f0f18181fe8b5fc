/**
 * C = epilogue(A · B) with B, the weights, in fp16: rows of K, two halves in a u32 with the first in the low bits, a row
 * padded to 8 halves that are zero; `bOffset`, `bRow` and `bBatch` count vec4u (8 halves). A and C are f32 and sums are
 * f32, so that the result is that of B's rounded values; rounding weights to fp16 itself costs up to 2⁻¹¹ of each. Shape and
 * epilogue as in shape.ts.
 * No tower runs it yet. It stays because half the bytes of the weights is the next thing to try where memory bounds a product.
 */
import { halfToFloat } from '@headwater/binary16'
import type { Kernel } from '@headwater/gpu'
import { type MatmulTuning, matmulDeclaration, subgroupTuning, workgroupTuning } from './declaration.ts'
import { matmulReference } from './reference.ts'
import { type MatmulBinding, type MatmulShape, matmulExample, matmulSizes } from './shape.ts'

/** A random half in (−1, 1): a sign, an exponent from 2⁻⁶ to 2⁻¹ and a fraction. */
const randomHalf = (random: () => number) =>
  (Math.floor(random() * 2) << 15) | ((9 + Math.floor(random() * 6)) << 10) | Math.floor(random() * 1024)

export const matmulHalf: Kernel<MatmulShape, MatmulBinding, MatmulTuning> = {
  name: 'matmul.half',
  ...matmulDeclaration('half'),
  tunings: [workgroupTuning, subgroupTuning(32, 64)],
  reference: (s, arrays) =>
    matmulReference(s, arrays, (batch, k, n) => {
      const pair = arrays.b[(s.bOffset + batch * s.bBatch + k * s.bRow) * 4 + (n >> 1)]!
      return halfToFloat(n & 1 ? pair >>> 16 : pair & 0xffff)
    }),
  example: (s, random) => {
    const b = new Uint32Array(matmulSizes(s, 'half').b * 4)
    for (let i = 0; i < b.length; i++) b[i] = randomHalf(random) | (randomHalf(random) << 16)
    for (let batch = 0; batch < s.batch; batch++)
      for (let k = 0; k < s.K; k++)
        for (let n = s.N; n < Math.ceil(s.N / 8) * 8; n++) {
          const at = (s.bOffset + batch * s.bBatch + k * s.bRow) * 4 + (n >> 1)
          b[at] = n & 1 ? b[at]! & 0xffff : b[at]! & 0xffff0000
        }
    return { ...matmulExample(s, random), b }
  },
}
