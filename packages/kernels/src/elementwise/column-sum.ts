/** out[N] = Σ over R rows of in[R,N], the gradient of a bias. `inRow`, offsets and N4 count vec4. */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../case-arrays.ts'

export type ColumnSumShape = { R: number; N4: number; inOffset: number; inRow: number; outOffset: number }

export const columnSum: Kernel<ColumnSumShape, 'input' | 'output', Tuning> = {
  name: 'column-sum',
  bindings: { input: { type: 'vec4f', access: 'read' }, output: { type: 'vec4f', access: 'read_write' } },
  uniforms: { R: 'u32', N4: 'u32', inOffset: 'u32', inRow: 'u32', outOffset: 'u32' },
  tunings: [{ name: 'lane-per-column' }],
  wgsl: () => /* wgsl */ `
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= u.N4) { return; }
  var sum = vec4f();
  for (var r = 0u; r < u.R; r++) { sum += input[u.inOffset + r * u.inRow + id.x]; }
  output[u.outOffset + id.x] = sum;
}`,
  workgroups: ({ N4 }) => [Math.ceil(N4 / 8), 1, 1],
  reference: (s, { input, output }) => {
    for (let n = 0; n < s.N4 * 4; n++) {
      let sum = 0
      for (let r = 0; r < s.R; r++) sum += input[(s.inOffset + r * s.inRow) * 4 + n]!
      output[s.outOffset * 4 + n] = sum
    }
  },
  cost: ({ R, N4 }) => ({ flops: R * N4 * 4, bytes: 16 * R * N4 }),
  tolerance: ({ R }) => ({ absolute: 2e-7 * R, relative: 1e-5 }),
  cases: [
    { R: 1, N4: 1, inOffset: 0, inRow: 1, outOffset: 0 },
    { R: 127, N4: 13, inOffset: 2, inRow: 17, outOffset: 3 },
    { R: 512, N4: 48, inOffset: 0, inRow: 48, outOffset: 0 },
  ],
  example: (s, random) => ({
    input: uniform((s.inOffset + s.R * s.inRow) * 4, random),
    output: uniform((s.outOffset + s.N4) * 4, random),
  }),
}
