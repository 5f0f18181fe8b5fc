/** y[i] = a · x[i] + y[i] for N floats: the smallest kernel with an input, an output and uniforms of both types. */
import type { Kernel, Tuning } from '../kernel/kernel.ts'

export type SaxpyShape = { N: number; a: number }

export interface SaxpyTuning extends Tuning {
  readonly lanes: number
}

export const saxpy: Kernel<SaxpyShape, 'x' | 'y', SaxpyTuning> = {
  name: 'saxpy',
  bindings: { x: { type: 'f32', access: 'read' }, y: { type: 'f32', access: 'read_write' } },
  uniforms: { N: 'size', a: 'f32' },
  tunings: [
    { name: 'lanes-64', lanes: 64 },
    { name: 'lanes-32', lanes: 32 },
  ],
  wgsl: ({ lanes }) => /* wgsl */ `
@compute @workgroup_size(${lanes})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < u.N) { y[id.x] += u.a * x[id.x]; }
}`,
  workgroups: ({ N }, { lanes }) => [Math.ceil(N / lanes), 1, 1],
  reference: ({ N, a }, { x, y }) => {
    for (let i = 0; i < N; i++) y[i] = y[i] + a * x[i]
  },
  cost: ({ N }) => ({ flops: 2 * N, bytes: 12 * N }),
  tolerance: () => ({ absolute: 1e-6, relative: 1e-6 }),
  sizes: ({ N }) => ({ x: N, y: N }),
  cases: [{ N: 65, a: 0.5 }],
  draw: (between) => ({ N: between(1, 200), a: between(0, 4) / 2 }),
  benchmarks: [{ N: 1e6, a: 0.5 }],
}
