/**
 * C = epilogue(A · Bᵀ) with B in rows of N, as weights [out, in] or the rows of an attention's keys lie: no transposed
 * copy is made. Shape, strides and epilogue as in shape.ts; a row of B is padded to vec4, and what the padding holds does
 * not matter. The columns that pad N count as zero.
 */
import type { Kernel } from '@headwater/gpu'
import { type MatmulTuning, matmulDeclaration, quadTuning, subgroupTuning, workgroupTuning } from './declaration.ts'
import { matmulReference } from './reference.ts'
import { type MatmulBinding, type MatmulShape, matmulExample } from './shape.ts'

export const matmulTransposedB: Kernel<MatmulShape, MatmulBinding, MatmulTuning> = {
  name: 'matmul.transposed-b',
  ...matmulDeclaration('transposed'),
  tunings: [workgroupTuning, subgroupTuning(32, 64), quadTuning, subgroupTuning(32, 32)],
  reference: (s, arrays) =>
    matmulReference(s, arrays, (batch, k, n) =>
      n < s.N ? arrays.b[(s.bOffset + batch * s.bBatch + n * s.bRow) * 4 + k]! : 0,
    ),
  example: matmulExample,
}
