/** Shape, uniforms, cases and examples that the self-attention kernels share. */

import { linearGroups } from '../wgsl/linear-grid.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'
import { exampleLengths } from './example-lengths.ts'
import { blockOf, type SelfAttentionTuning, selfAttentionTunings } from './self-attention-wgsl.ts'

const uniforms = {
  ...all('size', 'B', 'L', 'H', 'D'),
  ...all('u32', 'qOffset', 'kOffset', 'vOffset', 'row', 'yOffset', 'yRow', 'causal'),
} as const

export type SelfAttentionShape = ShapeOf<typeof uniforms> & { causal: 0 | 1 }

/** Queries, keys and values side by side in one tensor [B·L, 3·H·D]. */
function fused(B: number, L: number, H: number, D: number, causal: 0 | 1 = 0): SelfAttentionShape {
  const width = H * D
  return { B, L, H, D, qOffset: 0, kOffset: width, vOffset: 2 * width, row: 3 * width, yOffset: 0, yRow: width, causal }
}

/** Queries, keys and values one after the other, each [B·L, H·D]. */
function stacked(B: number, L: number, H: number, D: number): SelfAttentionShape {
  const size = B * L * H * D
  return { ...fused(B, L, H, D), kOffset: size, vOffset: 2 * size, row: H * D }
}

const cases: readonly SelfAttentionShape[] = [
  fused(1, 1, 1, 4),
  { ...fused(3, 37, 2, 8, 1), qOffset: 5, kOffset: 30, vOffset: 53, row: 71, yOffset: 3, yRow: 19 },
  fused(3, 19, 2, 12),
  stacked(2, 65, 1, 16),
  fused(2, 33, 2, 32),
  fused(2, 31, 1, 36, 1),
  fused(1, 40, 1, 68),
  fused(1, 9, 1, 132),
  // more than 65,535 workgroups
  fused(16_500, 1, 4, 4),
]

function draw(between: (low: number, high: number) => number): SelfAttentionShape {
  const [H, D] = [between(1, 3), between(1, 18) * 4]
  const width = H * D + between(0, 3)
  const order = between(0, 1)
  const qOffset = between(0, 5)
  return {
    ...fused(between(1, 3), between(1, 70), H, D, between(0, 1) as 0 | 1),
    qOffset,
    kOffset: qOffset + (1 + order) * width,
    vOffset: qOffset + (2 - order) * width,
    row: 3 * width + between(0, 3),
    yOffset: between(0, 5),
    yRow: H * D + between(0, 3),
  }
}

const benchmarks: readonly SelfAttentionShape[] = [fused(256, 64, 4, 16), fused(64, 256, 4, 32), fused(64, 128, 2, 64)]

/** What the three kernels have in common. */
export const selfAttention = {
  uniforms,
  tunings: selfAttentionTunings,
  /** Heads of up to as many columns as a tuning keeps in registers are alike. */
  bucket: ({ D }: SelfAttentionShape): string => (D <= 16 ? 'head ≤ 16' : D <= 32 ? 'head ≤ 32' : 'head > 32'),
  /** A block of rows and a chunk of columns each. */
  workgroups: ({ B, H, L, D }: SelfAttentionShape, tuning: SelfAttentionTuning) =>
    linearGroups(B * H * Math.ceil(L / blockOf(tuning)) * Math.ceil(D / tuning.width)),
  cases,
  draw,
  benchmarks,
} as const

/** Floats up to the last that is read. */
export const qkvSize = (s: SelfAttentionShape): number =>
  Math.max(s.qOffset, s.kOffset, s.vOffset) + (s.B * s.L - 1) * s.row + s.H * s.D
export const ySize = (s: SelfAttentionShape): number => s.yOffset + (s.B * s.L - 1) * s.yRow + s.H * s.D
export const statisticsSize = ({ B, H, L }: SelfAttentionShape): number => B * H * L

export const example = (s: SelfAttentionShape, random: () => number) => ({
  qkv: 2,
  lengths: exampleLengths(s.B, s.L, random),
})

/** Pairs of a query and a key, with full sequences. */
export const pairs = ({ B, L, H, causal }: SelfAttentionShape): number => B * H * (causal ? (L * (L + 1)) / 2 : L * L)
