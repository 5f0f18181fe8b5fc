/**
 * An activation function by itself, y = dropout(f(x)), over count4 vec4; f is a code (wgsl/activation.ts), so one pipeline
 * serves all. For an output whose backward pass needs no x, the epilogue of a matmul does the same sooner. Without
 * dropout `step` is not used.
 */
import type { Kernel } from '@headwater/gpu'
import { activations, activationWgsl } from '../wgsl/activation.ts'
import { activateReference } from '../wgsl/activation-reference.ts'
import { dropoutWgsl, keptReference } from './dropout.ts'
import { type ElementTuning, elementGroups, elementTunings, elementWgsl } from './elements.ts'
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

const shared = { uniforms, tunings: elementTunings, cases, draw, benchmarks, example: () => ({ x: 9 }) }

export const activationForward: Kernel<ActivationShape, 'x' | 'step' | 'y', ElementTuning> = {
  name: 'activation.forward',
  bindings: {
    x: { type: 'vec4f', access: 'read' },
    step: { type: 'u32', access: 'read' },
    y: { type: 'vec4f', access: 'read_write' },
  },
  ...shared,
  wgsl: (t) => `${activationWgsl}${dropoutWgsl}${elementWgsl(t, 'y[i] = dropped(activate(u.code, x[i]), i);')}`,
  workgroups: ({ count4 }, t) => elementGroups(count4, t),
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
export const activationBackward: Kernel<ActivationShape, 'x' | 'step' | 'dy' | 'dx', ElementTuning> = {
  name: 'activation.backward',
  bindings: {
    x: { type: 'vec4f', access: 'read' },
    step: { type: 'u32', access: 'read' },
    dy: { type: 'vec4f', access: 'read' },
    dx: { type: 'vec4f', access: 'read_write' },
  },
  ...shared,
  wgsl: (t) => `${slopeWgsl}${dropoutWgsl}${elementWgsl(t, 'dx[i] = slope(u.code, x[i]) * dropped(dy[i], i);')}`,
  workgroups: ({ count4 }, t) => elementGroups(count4, t),
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
