/** C = epilogue(A · B) with B in rows of K; see shape.ts for the shape's letters, strides and the epilogue. */
import type { Kernel } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { padded } from '../wgsl/padded.ts'
import { type MatmulTuning, matmulDeclaration, quadTuning, subgroupTuning, workgroupTuning } from './declaration.ts'
import { matmulReference } from './reference.ts'
import { type MatmulBinding, type MatmulShape, matmulExample, matmulSizes } from './shape.ts'

export const matmul: Kernel<MatmulShape, MatmulBinding, MatmulTuning> = {
  name: 'matmul',
  ...matmulDeclaration('row-major'),
  tunings: [workgroupTuning, subgroupTuning(32, 64), subgroupTuning(8, 64), quadTuning],
  reference: (s, arrays) =>
    matmulReference(s, arrays, (batch, k, n) => arrays.b[(s.bOffset + batch * s.bBatch + k * s.bRow) * 4 + n]!),
  example: (s, random) => {
    const b = uniform(matmulSizes(s, 'row-major').b * 4, random)
    for (let batch = 0; batch < s.batch; batch++)
      for (let k = 0; k < s.K; k++) {
        const at = (s.bOffset + batch * s.bBatch + k * s.bRow) * 4
        b.fill(0, at + s.N, at + padded(s.N))
      }
    return { ...matmulExample(s, random), b }
  },
}
