/** Shape, uniforms, cases and examples that the dot compression kernels share. */
import type { ReferenceArrays } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { all, type ShapeOf, zeros } from '../wgsl/uniforms.ts'
import { exampleLengths } from './example-lengths.ts'

const uniforms = {
  ...all('size', 'B', 'N', 'M', 'D4'),
  ...all('u32', 'zOffset', 'zRow', 'xOffset', 'xRow', 'yOffset', 'yRow'),
  scale: 'f32',
  masked: 'u32',
} as const

export type DotCompressionShape = ShapeOf<typeof uniforms> & { masked: 0 | 1 }

const dense = (B: number, N: number, M: number, D4: number, extra: Partial<DotCompressionShape> = {}) =>
  ({ ...zeros(uniforms), B, N, M, D4, zRow: M, xRow: D4, yRow: D4, scale: 1, ...extra }) as DotCompressionShape

const cases: readonly DotCompressionShape[] = [
  dense(1, 1, 1, 1),
  dense(4, 13, 5, 3, { zOffset: 3, zRow: 7, xOffset: 2, xRow: 4, yOffset: 1, yRow: 5, scale: 0.6, masked: 1 }),
  dense(2, 16, 16, 16),
  dense(2, 33, 17, 17, { masked: 1 }),
  dense(3, 31, 8, 24, { masked: 1, scale: 2 }),
  dense(2, 65, 33, 25),
  // more than 65,535 workgroups
  dense(66_000, 1, 1, 1),
]

const draw = (between: (low: number, high: number) => number): DotCompressionShape => {
  const extra = { scale: between(1, 6) / 4, masked: between(0, 1) as 0 | 1 }
  return withGaps(dense(between(1, 5), between(1, 70), between(1, 36), between(1, 28), extra), between)
}

const benchmarks = [dense(2048, 64, 16, 24), dense(512, 32, 8, 16), dense(512, 32, 16, 16), dense(512, 32, 8, 24)]

/** Whether 8 rows hold the compressed tokens, and whether tiles of 64 or of 96 columns leave less of a token empty. */
const bucket = ({ M, D4 }: DotCompressionShape): string => {
  const wide = Math.ceil(D4 / 24) * 24 < Math.ceil(D4 / 16) * 16
  return `compressed ${M <= 8 ? '≤' : '>'} 8, columns by ${wide ? 96 : 64}`
}

/** What the three kernels have in common. */
export const dotCompression = { uniforms, bucket, cases, draw, benchmarks } as const

/** Elements of each tensor. */
export const sizes = (s: DotCompressionShape) => ({
  z: s.zOffset + (s.B * s.N - 1) * s.zRow + s.M,
  x: s.xOffset + (s.B * s.N - 1) * s.xRow + s.D4,
  y: s.yOffset + (s.B * s.M - 1) * s.yRow + s.D4,
  lses: s.B * s.M,
  lengths: s.masked ? s.B : 1,
})

export const lengthOf = (s: DotCompressionShape, lengths: ArrayLike<number>, b: number): number =>
  s.masked ? Math.min(s.N, lengths[b]!) : s.N

export const example = (s: DotCompressionShape, random: () => number) => ({
  z: 2,
  lengths: exampleLengths(sizes(s).lengths, s.N, random),
})

/** exp(scale · z − lse), the weight of token n in the compressed token m. */
export function weight(
  s: DotCompressionShape,
  { z, lses }: ReferenceArrays<'z' | 'lses'>,
  b: number,
  n: number,
  m: number,
): number {
  return Math.exp(s.scale * z[s.zOffset + (b * s.N + n) * s.zRow + m]! - lses[b * s.M + m]!)
}
