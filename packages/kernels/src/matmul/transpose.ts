/** out[N,M] = in[M,N]. Rows of both are padded to vec4; offsets and strides count floats. The padding of `out` becomes zero. */
import type { Kernel, Tuning } from '@headwater/gpu'
import { padded, uniform } from '../case-arrays.ts'

export type TransposeShape = {
  M: number
  N: number
  inOffset: number
  inRow: number
  outOffset: number
  outRow: number
}

const dense = (M: number, N: number): TransposeShape => ({
  M,
  N,
  inOffset: 0,
  inRow: padded(N),
  outOffset: 0,
  outRow: padded(M),
})

export const transpose: Kernel<TransposeShape, 'input' | 'output', Tuning> = {
  name: 'transpose',
  bindings: { input: { type: 'f32', access: 'read' }, output: { type: 'vec4f', access: 'read_write' } },
  uniforms: { M: 'u32', N: 'u32', inOffset: 'u32', inRow: 'u32', outOffset: 'u32', outRow: 'u32' },
  tunings: [{ name: 'vec4' }],
  wgsl: () => /* wgsl */ `
fn element(m: u32, n: u32) -> f32 {
  return select(0.0, input[u.inOffset + min(m, u.M - 1u) * u.inRow + n], m < u.M);
}
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  let m = id.y * 4u;
  if (n >= u.N || m >= u.M) { return; }
  output[(u.outOffset + n * u.outRow) / 4u + id.y] =
    vec4f(element(m, n), element(m + 1u, n), element(m + 2u, n), element(m + 3u, n));
}`,
  workgroups: ({ M, N }) => [Math.ceil(N / 8), Math.ceil(M / 32), 1],
  reference: (s, { input, output }) => {
    for (let n = 0; n < s.N; n++)
      for (let m = 0; m < padded(s.M); m++)
        output[s.outOffset + n * s.outRow + m] = m < s.M ? input[s.inOffset + m * s.inRow + n]! : 0
  },
  cost: ({ M, N }) => ({ flops: 0, bytes: 8 * M * N }),
  tolerance: () => ({ absolute: 0, relative: 0 }),
  cases: [dense(1, 1), dense(7, 13), dense(64, 192), { M: 5, N: 6, inOffset: 8, inRow: 12, outOffset: 4, outRow: 16 }],
  example: (s, random) => ({
    input: uniform(s.inOffset + s.M * s.inRow, random),
    output: uniform(s.outOffset + s.N * s.outRow, random),
  }),
}
