/** C = epilogue(A · B) with B in rows of K; see shape.ts for the shape's letters, strides and the epilogue. */
import type { Kernel } from '@headwater/gpu'
import { padded, uniform } from '../examples/arrays.ts'
import {
  type MatmulTuning,
  matmulDeclaration,
  quadTuning,
  registerTuning,
  subgroupTuning,
  towerShapes,
  workgroupTuning,
} from './declaration.ts'
import { matrixTileWgsl } from './matrix-tile.ts'
import { matmulReference } from './reference.ts'
import { type MatmulBinding, type MatmulShape, matmulExample, matmulSizes } from './shape.ts'

export const matmul: Kernel<MatmulShape, MatmulBinding, MatmulTuning> = {
  name: 'matmul',
  ...matmulDeclaration('row-major'),
  tunings: [
    workgroupTuning({ tileRows: 64, depth: 16, buffers: 1 }),
    workgroupTuning({ tileRows: 128, depth: 8, buffers: 2 }),
    registerTuning,
    subgroupTuning(32, 64),
    subgroupTuning(32, 32),
    subgroupTuning(8, 64),
    quadTuning,
    {
      name: 'matrix-f32-8x8',
      tileRows: 64,
      tileColumns: 64,
      needs: { features: ['chromium-experimental-subgroup-matrix', 'subgroups'] },
      wgsl: () => matrixTileWgsl('row-major'),
    },
  ],
  reference: (s, arrays) =>
    matmulReference(s, arrays, (batch, k, n) => arrays.b[(s.bOffset + batch * s.bBatch + k * s.bRow) * 4 + n]!),
  tolerance: ({ K }) => ({ absolute: 1e-6 * (4 + K / 8), relative: 1e-5 }),
  benchmarks: towerShapes('row-major'),
  example: (s, random) => {
    const b = uniform(matmulSizes(s, 'row-major').b * 4, random)
    for (let batch = 0; batch < s.batch; batch++)
      for (let k = 0; k < s.K; k++)
        for (let n = s.N; n < padded(s.N); n++) b[(s.bOffset + batch * s.bBatch + k * s.bRow) * 4 + n] = 0
    return { ...matmulExample(s, random), b }
  },
}
