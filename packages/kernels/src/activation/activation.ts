/**
 * An activation function by itself, y = dropout(f(x)), over count4 vec4; f is a code (wgsl/activation.ts), so one pipeline
 * serves all. For an output whose backward pass needs no x, the epilogue of a matmul does the same sooner. Without
 * dropout `step` is not used.
 */
import type { Kernel } from '@headwater/gpu'
import { type TileTuning, tileGroups, tileLoop } from '../numeric/tile-loop.ts'
import { activations, activationWgsl } from '../wgsl/activation.ts'
import { activateReference } from '../wgsl/activation-reference.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { dropoutWgsl, keptReference } from '../wgsl/dropout.ts'
import { slopeReference, slopeWgsl } from './slope.ts'

export type ActivationShape = { count4: number; code: number; dropout: number; site: number }

const uniforms = { count4: 'size', code: 'u32', dropout: 'f32', site: 'u32' } as const

const cases: readonly ActivationShape[] = [
  { count4: 1, code: activations.none, dropout: 0, site: 0 },
  { count4: 67, code: activations.gelu, dropout: 0, site: 0 },
  { count4: 255, code: activations.silu, dropout: 0.25, site: 3 },
  { count4: 1025, code: activations.sigmoid, dropout: 0, site: 0 },
  { count4: 4099, code: activations.relu, dropout: 0.5, site: 1 },
]

function draw(between: (low: number, high: number) => number): ActivationShape {
  const codes = Object.values(activations)
  return {
    count4: between(1, 2000),
    code: codes[between(0, codes.length - 1)]!,
    dropout: between(0, 3) / 4,
    site: between(0, 2 ** 32 - 1),
  }
}

const benchmarks = [{ count4: (2048 * 1536) / 4, code: activations.gelu, dropout: 0, site: 0 }]

export const elementTunings: readonly TileTuning[] = [
  { name: '4-elements', lanes: 64, each: 4 },
  { name: '16-elements', lanes: 64, each: 16 },
]

const shared = {
  uniforms,
  tunings: elementTunings,
  workgroups: tileGroups,
  cases,
  draw,
  benchmarks,
  example: () => ({ x: 9 }),
}

export const activationForward: Kernel<ActivationShape, 'x' | 'step' | 'y', TileTuning> = {
  name: 'activation.forward',
  bindings: { ...reads('vec4f', 'x'), ...reads('u32', 'step'), ...writes('vec4f', 'y') },
  ...shared,
  wgsl: (t) => `${activationWgsl}${dropoutWgsl}${tileLoop(t, '', 'y[i] = dropped(activate(u.code, x[i]), i);')}`,
  sizes: ({ count4 }) => ({ x: count4, step: 1, y: count4 }),
  reference: ({ count4, code, dropout, site }, { x, step, y }) => {
    for (let i = 0; i < count4 * 4; i++) {
      const kept = keptReference(step[0]!, site, dropout, i)
      y[i] = kept === 0 ? 0 : kept * activateReference(code, x[i]!)
    }
  },
  cost: ({ count4 }) => ({ flops: count4 * 4 * 8, bytes: count4 * 32 }),
  tolerance: () => ({ absolute: 1e-6, relative: 1e-6 }),
}

/** dx = f′(x) · dropout(dy), where x is what the function was given and the dropout is the forward's. */
export const activationBackward: Kernel<ActivationShape, 'x' | 'step' | 'dy' | 'dx', TileTuning> = {
  name: 'activation.backward',
  bindings: { ...reads('vec4f', 'x'), ...reads('u32', 'step'), ...reads('vec4f', 'dy'), ...writes('vec4f', 'dx') },
  ...shared,
  wgsl: (t) => `${slopeWgsl}${dropoutWgsl}${tileLoop(t, '', 'dx[i] = slope(u.code, x[i]) * dropped(dy[i], i);')}`,
  sizes: ({ count4 }) => ({ x: count4, step: 1, dy: count4, dx: count4 }),
  reference: ({ count4, code, dropout, site }, { x, step, dy, dx }) => {
    for (let i = 0; i < count4 * 4; i++) {
      const kept = keptReference(step[0]!, site, dropout, i)
      dx[i] = (kept === 0 ? 0 : kept * dy[i]!) * slopeReference(code, x[i]!)
    }
  },
  cost: ({ count4 }) => ({ flops: count4 * 4 * 16, bytes: count4 * 48 }),
  tolerance: () => ({ absolute: 1e-6, relative: 2e-6 }),
  gradient: { forward: activationForward, from: { y: 'dy' }, to: { x: 'dx' } },
}
