/**
 * The contract that the f32 matmuls share: C[b] = epilogue(A[b] · B[b]) for b < batch, with A[b] of M × K, B[b] of K × N.
 *
 * A is read by two strides (`aRow` per row, `aCol` per column), so that Aᵀ is a change of strides. B and C are rows of
 * vec4; B and bias are zero in the columns that pad N to a multiple of 4. Offsets and strides of A count floats, all
 * others vec4. A batch stride of 0 shares the tensor: with `aBatch` 0 the batches lie beside each other as columns, so
 * that Y[b] = W · X[b] (token mixing) runs like one wide product and without a transposed copy.
 *
 * Epilogue, each part optional, in this order: + bias, + what C held (`accumulate`), activation, inverted dropout,
 * ⊙ factor, + residual. DCN-v2's cross layer x₀ ⊙ (x W + b) + x is factor x₀ and residual x. Bindings of parts that are
 * off are not read: any buffer does.
 */
import type { ReferenceArrays } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import type { activations } from '../wgsl/activation.ts'
import { padded } from '../wgsl/padded.ts'
import { all, type ShapeOf, zeros } from '../wgsl/uniforms.ts'

export const matmulUniforms = {
  ...all('size', 'M', 'N', 'K', 'batch'),
  ...all('u32', 'aOffset', 'aRow', 'aCol', 'aBatch', 'bOffset', 'bRow', 'bBatch', 'cOffset', 'cRow', 'cBatch'),
  ...all('u32', 'hasBias', 'biasOffset', 'accumulate', 'activation'),
  dropout: 'f32',
  ...all('u32', 'site', 'hasFactor', 'factorOffset', 'factorRow', 'factorBatch'),
  ...all('u32', 'hasResidual', 'residualOffset', 'residualRow', 'residualBatch'),
} as const

export type MatmulShape = ShapeOf<typeof matmulUniforms> & {
  /** 1: a bias per column; 2: a bias per row, packed in vec4. */
  hasBias: 0 | 1 | 2
  accumulate: 0 | 1
  activation: (typeof activations)[keyof typeof activations]
  /** Probability that an output is dropped; the others are scaled by 1 / (1 − dropout). */
  dropout: number
  /** Tells the dropouts of one step apart. */
  site: number
  hasFactor: 0 | 1
  hasResidual: 0 | 1
}

export type MatmulBinding = 'a' | 'b' | 'bias' | 'factor' | 'residual' | 'step' | 'c'

/** How B lies in memory: rows of K, or rows of N. */
export type Layout = 'row-major' | 'transposed'

/** Elements of B's binding in one row without a gap. */
export const denseRow = (layout: Layout, { N, K }: { N: number; K: number }): number =>
  padded(layout === 'transposed' ? K : N) / 4

/** A whole shape from what is not the default: dense tensors one after another in the batch, no epilogue. */
export function matmulShape(
  given: { M: number; N: number; K: number } & Partial<MatmulShape>,
  layout: Layout = 'row-major',
): MatmulShape {
  const { M, N, K } = given
  const row4 = padded(N) / 4
  const bRow = given.bRow ?? denseRow(layout, given)
  const rows = { aRow: padded(K), aCol: 1, bRow, cRow: row4, factorRow: row4, residualRow: row4 }
  const shape = { ...zeros(matmulUniforms), batch: 1, ...rows, ...given } as MatmulShape
  if (shape.batch === 1) return shape
  return {
    ...shape,
    aBatch: M * shape.aRow,
    bBatch: (layout === 'transposed' ? N : K) * bRow,
    cBatch: M * shape.cRow,
    factorBatch: M * shape.factorRow,
    residualBatch: M * shape.residualRow,
    ...given,
  }
}

/** Elements of each binding, up to the last one that is touched. */
export function matmulSizes(s: MatmulShape, layout: Layout): { readonly [K in MatmulBinding]: number } {
  const row4 = padded(s.N) / 4
  const rows4 = (on: number, offset: number, row: number, batch: number) =>
    on ? offset + (s.batch - 1) * batch + (s.M - 1) * row + row4 : 1
  const bRows = layout === 'transposed' ? s.N : s.K
  return {
    a: s.aOffset + (s.batch - 1) * s.aBatch + (s.M - 1) * s.aRow + (s.K - 1) * s.aCol + 1,
    b: s.bOffset + (s.batch - 1) * s.bBatch + (bRows - 1) * s.bRow + denseRow(layout, s),
    bias: s.hasBias ? s.biasOffset + padded(s.hasBias === 2 ? s.M : s.N) / 4 : 1,
    factor: rows4(s.hasFactor, s.factorOffset, s.factorRow, s.factorBatch),
    residual: rows4(s.hasResidual, s.residualOffset, s.residualRow, s.residualBatch),
    step: 1,
    c: rows4(1, s.cOffset, s.cRow, s.cBatch),
  }
}

export function matmulCost(s: MatmulShape): { flops: number; bytes: number } {
  const { M, N, K, batch } = s
  const shared = (stride: number) => (stride === 0 ? 1 : batch)
  const outputs = 1 + s.accumulate + s.hasFactor + s.hasResidual
  const bytes = 4 * (M * K * shared(s.aBatch) + K * N * shared(s.bBatch) + M * N * batch * outputs)
  return { flops: 2 * M * N * K * batch, bytes }
}

/** Inputs that are not just drawn, but for B's. */
export function matmulExample(s: MatmulShape, random: () => number) {
  const bias = uniform(matmulSizes(s, 'row-major').bias * 4, random)
  if (s.hasBias === 1) bias.fill(0, s.biasOffset * 4 + s.N, s.biasOffset * 4 + padded(s.N))
  return { bias, step: Uint32Array.of(12345) }
}

/** Columns of C beside each other, batches of a shared A included. */
export const effectiveWidth = (s: { N: number; batch: number; aBatch: number }): number =>
  s.aBatch === 0 ? padded(s.N) * s.batch : s.N

/** Shapes apart that want different tiles. */
export function matmulBucket(s: { M: number; N: number; K: number; batch: number; aBatch: number }): string {
  const width = effectiveWidth(s)
  if (width <= 8) return 'thin'
  if (s.M <= 8) return 'short'
  if (width <= 16) return 'slim'
  if (s.M * width <= 256 * 256 && s.K >= 1024) return 'deep'
  return width <= 256 && (width - 1) % 64 < 32 ? 'narrow' : 'wide'
}

export type MatmulArrays = ReferenceArrays<MatmulBinding>
