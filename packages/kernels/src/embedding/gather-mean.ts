/**
 * y[r] = mean of table[ids[r, m]] over m < lengths[r], zero where the bag is empty; a single id is a bag of one.
 * Shape letters: R rows, M ids a row at most, D4 vec4 of width, V table rows. `yColumn` and `yRow` count vec4.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { integers, uniform } from '../case-arrays.ts'

export type GatherMeanShape = { R: number; M: number; D4: number; V: number; yColumn: number; yRow: number }

export const gatherMean: Kernel<GatherMeanShape, 'table' | 'ids' | 'lengths' | 'y', Tuning> = {
  name: 'embedding.gather-mean',
  bindings: {
    table: { type: 'vec4f', access: 'read' },
    ids: { type: 'u32', access: 'read' },
    lengths: { type: 'u32', access: 'read' },
    y: { type: 'vec4f', access: 'read_write' },
  },
  uniforms: { R: 'u32', M: 'u32', D4: 'u32', yColumn: 'u32', yRow: 'u32' },
  tunings: [{ name: 'lane-per-vec4' }],
  wgsl: () => /* wgsl */ `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let r = id.x / u.D4;
  if (r >= u.R) { return; }
  let column = id.x % u.D4;
  let length = lengths[r];
  var sum = vec4f();
  for (var m = 0u; m < length; m++) { sum += table[ids[r * u.M + m] * u.D4 + column]; }
  y[r * u.yRow + u.yColumn + column] = sum / f32(max(length, 1u));
}`,
  workgroups: ({ R, D4 }) => [Math.ceil((R * D4) / 64), 1, 1],
  reference: (s, { table, ids, lengths, y }) => {
    const D = s.D4 * 4
    for (let r = 0; r < s.R; r++)
      for (let d = 0; d < D; d++) {
        let sum = 0
        for (let m = 0; m < lengths[r]!; m++) sum += table[ids[r * s.M + m]! * D + d]!
        y[(r * s.yRow + s.yColumn) * 4 + d] = lengths[r]! > 0 ? sum / lengths[r]! : 0
      }
  },
  cost: ({ R, M, D4 }) => ({ flops: R * M * D4 * 4, bytes: R * M * D4 * 16 + R * D4 * 16 }),
  tolerance: () => ({ absolute: 1e-6, relative: 1e-5 }),
  cases: [
    { R: 1, M: 1, D4: 1, V: 1, yColumn: 0, yRow: 1 },
    { R: 37, M: 5, D4: 3, V: 11, yColumn: 2, yRow: 9 },
    { R: 512, M: 8, D4: 4, V: 1000, yColumn: 0, yRow: 4 },
  ],
  example: (s, random) => ({
    table: uniform(s.V * s.D4 * 4, random),
    ids: integers(s.R * s.M, s.V, random),
    lengths: integers(s.R, s.M + 1, random),
    y: uniform(s.R * s.yRow * 4, random),
  }),
}
