/**
 * dx = y > 0 ? scale · dy : 0, with y the output of ReLU followed by dropout: a dropped or clipped value is zero there,
 * so its sign tells both. Shape letters: R rows, C4 vec4 columns.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../case-arrays.ts'

export type ReluBackwardShape = { count4: number; scale: number }

export const reluBackward: Kernel<ReluBackwardShape, 'y' | 'dy' | 'dx', Tuning> = {
  name: 'relu.backward',
  bindings: {
    y: { type: 'vec4f', access: 'read' },
    dy: { type: 'vec4f', access: 'read' },
    dx: { type: 'vec4f', access: 'read_write' },
  },
  uniforms: { count4: 'u32', scale: 'f32' },
  tunings: [{ name: 'vec4' }],
  wgsl: () => /* wgsl */ `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= u.count4) { return; }
  dx[id.x] = select(vec4f(), u.scale * dy[id.x], y[id.x] > vec4f());
}`,
  workgroups: ({ count4 }) => [Math.ceil(count4 / 64), 1, 1],
  reference: ({ count4, scale }, { y, dy, dx }) => {
    for (let i = 0; i < count4 * 4; i++) dx[i] = y[i]! > 0 ? scale * dy[i]! : 0
  },
  cost: ({ count4 }) => ({ flops: 4 * count4, bytes: 48 * count4 }),
  tolerance: () => ({ absolute: 0, relative: 1e-6 }),
  cases: [
    { count4: 1, scale: 1 },
    { count4: 67, scale: 1.5 },
    { count4: 4096, scale: 1 / 0.7 },
  ],
  example: ({ count4 }, random) => ({
    y: uniform(count4 * 4, random),
    dy: uniform(count4 * 4, random),
    dx: uniform(count4 * 4, random),
  }),
}
