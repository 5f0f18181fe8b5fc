/** What the matmuls over f32 sums have in common; each adds its name, its tunings, its B and its reference. */
import type { Tuning } from '@headwater/gpu'
import { activations } from '../wgsl/activation.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { padded } from '../wgsl/padded.ts'
import { tileGroups } from './epilogue.ts'
import {
  denseRow,
  type Layout,
  type MatmulBinding,
  type MatmulShape,
  matmulBucket,
  matmulCost,
  matmulShape,
  matmulSizes,
  matmulUniforms,
} from './shape.ts'
import { quadTileWgsl, subgroupTileWgsl } from './subgroup-tile.ts'
import { workgroupTileWgsl } from './workgroup-tile.ts'

export interface MatmulTuning extends Tuning {
  /** Rows and columns of C a workgroup computes. */
  readonly tileRows: number
  readonly tileColumns: number
  readonly wgsl: (layout: Layout) => string
}

export const workgroupTuning: MatmulTuning = {
  name: 'workgroup-64x64',
  tileRows: 64,
  tileColumns: 64,
  wgsl: workgroupTileWgsl,
}

export function subgroupTuning(tileRows: number, tileColumns: number): MatmulTuning {
  return {
    name: `subgroup-${tileRows}x${tileColumns}`,
    tileRows,
    tileColumns,
    minSubgroupSize: 8,
    wgsl: (layout) => subgroupTileWgsl(layout, tileRows, tileColumns / 32),
  }
}

export const quadTuning: MatmulTuning = {
  name: 'quad-64x16',
  tileRows: 64,
  tileColumns: 16,
  minSubgroupSize: 4,
  wgsl: quadTileWgsl,
}

export function matmulDeclaration(layout: Layout) {
  return {
    bindings: {
      ...reads('f32', 'a'),
      ...reads('vec4f', 'b', 'bias', 'factor', 'residual'),
      ...reads('u32', 'step'),
      ...writes('vec4f', 'c'),
    } as const,
    uniforms: matmulUniforms,
    bucket: matmulBucket,
    wgsl: (tuning: MatmulTuning) => tuning.wgsl(layout),
    workgroups: tileGroups,
    sizes: (s: MatmulShape): { readonly [K in MatmulBinding]: number } => matmulSizes(s, layout),
    cost: matmulCost,
    tolerance: ({ K }: MatmulShape) => ({ absolute: 1e-6 * (4 + K / 8), relative: 1e-5 }),
    benchmarks: towerShapes(layout),
    cases: matmulCases(layout),
    draw: (between: (low: number, high: number) => number) => drawMatmul(between, layout),
  }
}

const { relu, gelu, silu, sigmoid } = activations

const shapesOf =
  (layout: Layout) =>
  (M: number, N: number, K: number, extra: Partial<MatmulShape> = {}): MatmulShape =>
    matmulShape({ M, N, K, ...extra }, layout)

/** Slices of wider tensors: of the product's own, and of what is beside it. */
const slice = { aOffset: 4, aRow: 28, bOffset: 2, biasOffset: 3, cOffset: 1, cRow: 8 }
const besides = { factorOffset: 2, factorRow: 7, residualOffset: 1, residualRow: 0 }

function matmulCases(layout: Layout): readonly MatmulShape[] {
  const of = shapesOf(layout)
  const wide = denseRow(layout, { N: 40, K: 40 })
  return [
    of(1, 1, 1),
    of(17, 65, 33, { hasBias: 1 }),
    of(32, 64, 32),
    of(15, 63, 31, { activation: relu }),
    of(67, 5, 97, { hasBias: 1, activation: gelu }),
    of(129, 9, 40, { hasBias: 2, activation: silu }),
    of(40, 64, 128, { hasBias: 1, activation: relu, dropout: 0.3, site: 7 }),
    of(33, 192, 64, { accumulate: 1, hasBias: 1, activation: sigmoid }),
    of(9, 33, 30, { hasBias: 1, hasFactor: 1, hasResidual: 1, activation: gelu, dropout: 0.5, site: 2 }),
    // Aᵀ by strides: A is stored [K, M]
    of(37, 24, 129, { aRow: 1, aCol: 40 }),
    of(19, 20, 12, { ...slice, ...besides, bRow: wide, hasBias: 1, hasFactor: 1, hasResidual: 1 }),
    // batches of their own and of a shared A, B
    of(5, 7, 6, { batch: 3, hasBias: 1, hasResidual: 1 }),
    of(33, 16, 20, { batch: 5, aBatch: 0, hasBias: 2, activation: gelu, hasResidual: 1 }),
    of(6, 10, 9, { batch: 4, bBatch: 0, cBatch: 20, accumulate: 1 }),
    // more tiles than one dimension of the grid may count
    of(1, 4, 1, { batch: 65_537, aBatch: 1, bBatch: 0 }),
  ]
}

function drawMatmul(between: (low: number, high: number) => number, layout: Layout): MatmulShape {
  const [M, N, K] = [between(1, 70), between(1, 140), between(1, 50)]
  const aIsTransposed = between(0, 1) === 1
  const row = () => padded(N) / 4 + between(0, 2)
  const shape = matmulShape(
    {
      M,
      N,
      K,
      batch: between(0, 2) === 0 ? between(2, 4) : 1,
      aOffset: between(0, 9),
      aRow: aIsTransposed ? 1 : K + between(0, 5),
      aCol: aIsTransposed ? M + between(0, 5) : 1,
      bOffset: between(0, 3),
      bRow: denseRow(layout, { N, K }) + between(0, 2),
      cOffset: between(0, 3),
      cRow: row(),
      hasBias: between(0, 2) as 0 | 1 | 2,
      biasOffset: between(0, 3),
      accumulate: between(0, 1) as 0 | 1,
      activation: between(0, 4) as MatmulShape['activation'],
      dropout: between(0, 2) / 4,
      site: between(0, 2 ** 32 - 1),
      hasFactor: between(0, 1) as 0 | 1,
      factorOffset: between(0, 3),
      factorRow: row(),
      hasResidual: between(0, 1) as 0 | 1,
      residualOffset: between(0, 3),
      residualRow: row(),
    },
    layout,
  )
  const batched = shape.batch > 1
  const aBatch = batched && between(0, 1) === 1 ? M * shape.aRow + K * shape.aCol : 0
  return { ...shape, aBatch, bBatch: batched && between(0, 3) === 0 ? 0 : shape.bBatch }
}

/** The shapes of the towers: square ones for scale, layers, cross layers, token mixing, a weight's gradient, heads. */
function towerShapes(layout: Layout): readonly MatmulShape[] {
  const of = shapesOf(layout)
  return [
    of(256, 256, 256),
    of(512, 512, 512),
    of(1024, 1024, 1024),
    of(2048, 192, 192),
    of(8192, 96, 96),
    of(2048, 192, 1536),
    of(64, 16, 96, { batch: 512 }),
    of(64, 16, 96, { batch: 512, aBatch: 0 }),
    of(192, 192, 2048, { aRow: 1, aCol: 192 }),
    of(512, 192, 256),
    of(2048, 1, 192),
    of(512, 8, 192),
    of(1, 192, 256),
  ]
}
