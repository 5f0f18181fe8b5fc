/**
 * What the norms share: V vectors of D4 vec4, of which vector v lies in row ⌊v / K⌋ at place v mod K, so that K
 * embeddings a row can be normalized inside a wider tensor. Offsets and row strides count vec4. Gradients lie as the
 * values do: dx as x, dy as y.
 */

import { uniform } from '../examples/example.ts'
import { withGaps } from '../examples/with-gaps.ts'
import { all, type ShapeOf, zeros } from '../wgsl/uniforms.ts'
import { normBucket, normGrid, normTunings } from './norm-wgsl.ts'

const normUniforms = {
  ...all('size', 'V', 'K', 'D4'),
  ...all('u32', 'xOffset', 'xRow', 'yOffset', 'yRow', 'hasGain', 'gainOffset', 'hasShift', 'shiftOffset'),
  epsilon: 'f32',
} as const

export type NormShape = ShapeOf<typeof normUniforms>

/** A whole shape from what is not the default: one vector a row, no gaps, neither gain nor shift, ε = 1e-5. */
export function normShape(given: { V: number; D4: number } & Partial<NormShape>): NormShape {
  const row = (given.K ?? 1) * given.D4
  return { ...zeros(normUniforms), K: 1, xRow: row, yRow: row, epsilon: 1e-5, ...given }
}

/** Strides for two vectors of 5 vec4 a row. */
export const normGaps = { xOffset: 1, xRow: 11, yOffset: 3, yRow: 17 }
const affine = { hasGain: 1, hasShift: 1 }

const normCases: readonly NormShape[] = [
  normShape({ V: 1, D4: 1 }),
  normShape({ V: 35, K: 2, D4: 5, ...normGaps, ...affine, gainOffset: 2, shiftOffset: 9 }),
  normShape({ V: 66, K: 2, D4: 24 }),
  normShape({ V: 17, D4: 48, ...affine, epsilon: 1e-3 }),
  // around the vec4 that a team of lanes keeps in registers, and over them
  normShape({ V: 3, K: 3, D4: 47, hasGain: 1, gainOffset: 1 }),
  normShape({ V: 2, D4: 49, hasShift: 1, yRow: 50 }),
  normShape({ V: 5, D4: 257, ...affine }),
  normShape({ V: 2, D4: 1100 }),
  // teams of four lanes: one vector too few and too many for all of a workgroup's, in one round and in many
  normShape({ V: 7, D4: 4, ...affine }),
  normShape({ V: 65, K: 5, D4: 3, xRow: 16, yRow: 17, ...affine }),
  // over 65,535 workgroups where each takes one vector
  normShape({ V: 65_537, D4: 1, ...affine }),
]

function drawNorm(between: (low: number, high: number) => number): NormShape {
  const D4 = between(0, 3) === 0 ? between(40, 70) : between(1, 12)
  const flags = { hasGain: between(0, 1), hasShift: between(0, 1), epsilon: 1e-5 * between(1, 100) }
  return withGaps(normShape({ V: between(1, 90), K: between(1, 4), D4, ...flags }), between)
}

const normBenchmarks: readonly NormShape[] = [
  normShape({ V: 2048, D4: 48 }),
  normShape({ V: 8192, D4: 24 }),
  normShape({ V: 1024, K: 2, D4: 64, ...affine }),
  normShape({ V: 131_072, D4: 16 }),
  normShape({ V: 65_536, D4: 4, ...affine }),
]

/** What forward and backward have in common. */
export const norms = {
  uniforms: normUniforms,
  tunings: normTunings,
  bucket: normBucket,
  workgroups: normGrid,
  cases: normCases,
  draw: drawNorm,
  benchmarks: normBenchmarks,
} as const

/** vec4 up to the end of the last vector. */
function extent({ V, K, D4 }: NormShape, offset: number, row: number): number {
  return offset + Math.floor((V - 1) / K) * row + (((V - 1) % K) + 1) * D4
}

export const xSize = (s: NormShape) => extent(s, s.xOffset, s.xRow)
export const ySize = (s: NormShape) => extent(s, s.yOffset, s.yRow)
export const gainSize = (s: NormShape) => (s.hasGain ? s.gainOffset + s.D4 : 1)
export const shiftSize = (s: NormShape) => (s.hasShift ? s.shiftOffset + s.D4 : 1)

/** Mean and inverse deviation of each of V vectors, as a forward might have saved them. */
export function exampleMoments(V: number, random: () => number): Float32Array {
  return uniform(V * 2, random).map((value, i) => (i % 2 ? Math.abs(value) + 0.1 : value))
}
