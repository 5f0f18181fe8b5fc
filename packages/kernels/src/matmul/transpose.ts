/**
 * out[N,M] = in[M,N]. Rows of both are padded to vec4; offsets and strides count vec4. The padding of `out` becomes zero,
 * whatever stands in that of `in`.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { padded } from '../wgsl/padded.ts'
import { range } from '../wgsl/range.ts'
import type { ShapeOf } from '../wgsl/uniforms.ts'

const uniforms = { M: 'size', N: 'size', inOffset: 'u32', inRow: 'u32', outOffset: 'u32', outRow: 'u32' } as const

export type TransposeShape = ShapeOf<typeof uniforms>

const shape = (M: number, N: number, extra: Partial<TransposeShape> = {}): TransposeShape => ({
  M,
  N,
  inOffset: 0,
  inRow: padded(N) / 4,
  outOffset: 0,
  outRow: padded(M) / 4,
  ...extra,
})

/** Edge of a workgroup's square, in floats. An invocation turns 4 × 4 round in registers. */
const edge = 32

const wgsl = /* wgsl */ `
fn rowOf(m: u32, n4: u32) -> vec4f {
  return select(vec4f(), input[u.inOffset + min(m, u.M - 1u) * u.inRow + min(n4, (u.N - 1u) / 4u)], m < u.M);
}
${mainWgsl(64)}
  let across = (u.N + ${edge - 1}u) / ${edge}u;
  let index = group;
  let n = index % across * ${edge}u + lane % 8u * 4u;
  let m = index / across * ${edge}u + lane / 8u * 4u;
  if (n >= u.N || m >= u.M) { return; }
  ${range(4)
    .map((i) => `let r${i} = rowOf(m + ${i}u, n / 4u);`)
    .join(' ')}
  let to = u.outOffset + n * u.outRow + m / 4u;
  output[to] = vec4f(r0.x, r1.x, r2.x, r3.x);
  if (n + 1u < u.N) { output[to + u.outRow] = vec4f(r0.y, r1.y, r2.y, r3.y); }
  if (n + 2u < u.N) { output[to + 2u * u.outRow] = vec4f(r0.z, r1.z, r2.z, r3.z); }
  if (n + 3u < u.N) { output[to + 3u * u.outRow] = vec4f(r0.w, r1.w, r2.w, r3.w); }
}`

export const transpose: Kernel<TransposeShape, 'input' | 'output', Tuning> = {
  name: 'transpose',
  bindings: { ...reads('vec4f', 'input'), ...writes('vec4f', 'output') },
  uniforms,
  tunings: [{ name: 'register-4x4' }],
  wgsl: () => wgsl,
  workgroups: ({ M, N }) => linearGroups(Math.ceil(N / edge) * Math.ceil(M / edge)),
  sizes: (s) => ({
    input: s.inOffset + (s.M - 1) * s.inRow + padded(s.N) / 4,
    output: s.outOffset + (s.N - 1) * s.outRow + padded(s.M) / 4,
  }),
  reference: (s, { input, output }) => {
    for (let n = 0; n < s.N; n++)
      for (let m = 0; m < padded(s.M); m++)
        output[(s.outOffset + n * s.outRow) * 4 + m] = m < s.M ? input[(s.inOffset + m * s.inRow) * 4 + n]! : 0
  },
  cost: ({ M, N }) => ({ flops: 0, bytes: 8 * M * N }),
  tolerance: () => ({ absolute: 0, relative: 0 }),
  cases: [
    shape(1, 1),
    shape(7, 13),
    shape(64, 192),
    shape(65, 63),
    shape(5, 6, { inOffset: 2, inRow: 3, outOffset: 1, outRow: 4 }),
    // more squares than one dimension of the grid may count
    shape(65_536 * edge, 1, { inRow: 0 }),
  ],
  draw: (between) => withGaps(shape(between(1, 140), between(1, 140)), between),
  benchmarks: [shape(192, 192), shape(1536, 192), shape(1024, 1024)],
}
