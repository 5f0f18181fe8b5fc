/**
 * C = epilogue(A · B) with B, the weights, in fp16: rows of K, two halves in a u32 with the first in the low bits, a row
 * padded to 8 halves that are zero; `bOffset`, `bRow` and `bBatch` count vec4u (8 halves). A and C are f32 and sums are
 * f32, so that the result is that of B's rounded values; rounding weights to fp16 itself costs up to 2⁻¹¹ of each. Only
 * the tunings for f16 arithmetic round A too. Shape and epilogue as in shape.ts.
 * No tower runs it yet. It stays because half the bytes of the weights is the next thing to try where memory bounds a product.
 */
import type { Kernel } from '@headwater/gpu'
import {
  type MatmulTuning,
  matmulDeclaration,
  registerTuning,
  subgroupTuning,
  towerShapes,
  workgroupTuning,
} from './declaration.ts'
import { matrixTileWgsl } from './matrix-tile.ts'
import { matmulReference } from './reference.ts'
import { type MatmulBinding, type MatmulShape, matmulExample, matmulSizes } from './shape.ts'

/** The value of 16 bits of IEEE 754 binary16. */
function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const magnitude =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return bits & 0x8000 ? -magnitude : magnitude
}

/** A random half in (−1, 1): a sign, an exponent from 2⁻⁶ to 2⁻¹ and a fraction. */
const randomHalf = (random: () => number) =>
  (Math.floor(random() * 2) << 15) | ((9 + Math.floor(random() * 6)) << 10) | Math.floor(random() * 1024)

const f16Products = workgroupTuning({ tileRows: 64, depth: 16, buffers: 1, half: true })

const f16Matrix: MatmulTuning = {
  name: 'matrix-f16-16x16',
  tileRows: 64,
  tileColumns: 64,
  needs: { features: ['chromium-experimental-subgroup-matrix', 'subgroups', 'shader-f16'] },
  wgsl: () => matrixTileWgsl('half'),
}

export const matmulHalf: Kernel<MatmulShape, MatmulBinding, MatmulTuning> = {
  name: 'matmul.half',
  ...matmulDeclaration('half'),
  tunings: [
    workgroupTuning({ tileRows: 64, depth: 16, buffers: 1 }),
    registerTuning,
    subgroupTuning(32, 64),
    f16Products,
    f16Matrix,
  ],
  reference: (s, arrays) =>
    matmulReference(s, arrays, (batch, k, n) => {
      const pair = arrays.b[(s.bOffset + batch * s.bBatch + k * s.bRow) * 4 + (n >> 1)]!
      return halfValue(n & 1 ? pair >>> 16 : pair & 0xffff)
    }),
  // Arithmetic in f16 rounds A: up to 2⁻¹¹ of each product, which come to about √K of that.
  tolerance: ({ K }, tuning) =>
    tuning === f16Matrix || tuning === f16Products
      ? { absolute: 1e-3 * Math.sqrt(K), relative: 1e-3 }
      : { absolute: 1e-6 * (4 + K / 8), relative: 1e-5 },
  benchmarks: towerShapes('half'),
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
