/**
 * dx = y > 0 ? scale · dy : 0, with y the output of ReLU followed by dropout: a dropped or clipped value is zero there,
 * so its sign tells both. Over count4 vec4.
 */
import type { Kernel } from '@headwater/gpu'
import { type TileTuning, tileGroups, tileLoop } from '../numeric/tile-loop.ts'
import { activations } from '../wgsl/activation.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { activationForward, elementTunings } from './activation.ts'

export type ReluBackwardShape = { count4: number; scale: number }

export const reluBackward: Kernel<ReluBackwardShape, 'y' | 'dy' | 'dx', TileTuning> = {
  name: 'relu.backward',
  bindings: { ...reads('vec4f', 'y', 'dy'), ...writes('vec4f', 'dx') },
  uniforms: { count4: 'size', scale: 'f32' },
  tunings: elementTunings,
  wgsl: (t) => tileLoop(t, '', 'dx[i] = select(vec4f(), u.scale * dy[i], y[i] > vec4f());'),
  workgroups: tileGroups,
  sizes: ({ count4 }) => ({ y: count4, dy: count4, dx: count4 }),
  reference: ({ count4, scale }, { y, dy, dx }) => {
    for (let i = 0; i < count4 * 4; i++) dx[i] = y[i]! > 0 ? scale * dy[i]! : 0
  },
  cost: ({ count4 }) => ({ flops: 4 * count4, bytes: 48 * count4 }),
  tolerance: () => ({ absolute: 0, relative: 2.5e-7 }),
  cases: [
    { count4: 1, scale: 1 },
    { count4: 67, scale: 1.5 },
    { count4: 4097, scale: 1 / 0.7 },
  ],
  draw: (between) => ({ count4: between(1, 2000), scale: 1 / (1 - between(0, 3) / 4) }),
  benchmarks: [{ count4: (2048 * 1536) / 4, scale: 1 }],
  gradient: {
    forward: activationForward,
    shape: ({ count4 }) => ({ count4, code: activations.relu, dropout: 0, site: 0 }),
    from: { y: ({ scale }, { dy }) => dy.map((value) => value * scale) },
    to: { x: 'dx' },
  },
}
