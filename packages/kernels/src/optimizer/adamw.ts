/**
 * AdamW (Loshchilov & Hutter 2019) over one flat run of `count4` vec4 parameters. The first `decayed4` of them decay.
 * `rates` = [learning rate, table learning rate, 1 / (1 − β1^t), 1 / (1 − β2^t), weight decay].
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../case-arrays.ts'

export type AdamwShape = { count4: number; decayed4: number }

export const adamBeta1 = 0.9
export const adamBeta2 = 0.999
const epsilon = 1e-8

export const adamw: Kernel<AdamwShape, 'rates' | 'gradient' | 'first' | 'second' | 'values', Tuning> = {
  name: 'adamw',
  bindings: {
    rates: { type: 'f32', access: 'read' },
    gradient: { type: 'vec4f', access: 'read' },
    first: { type: 'vec4f', access: 'read_write' },
    second: { type: 'vec4f', access: 'read_write' },
    values: { type: 'vec4f', access: 'read_write' },
  },
  uniforms: { count4: 'u32', decayed4: 'u32' },
  tunings: [{ name: 'vec4' }],
  wgsl: () => /* wgsl */ `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= u.count4) { return; }
  let g = gradient[i];
  let m = ${adamBeta1} * first[i] + ${1 - adamBeta1} * g;
  let v = ${adamBeta2} * second[i] + ${1 - adamBeta2} * g * g;
  first[i] = m;
  second[i] = v;
  let decay = select(0.0, rates[4], i < u.decayed4);
  values[i] = values[i] * (1.0 - rates[0] * decay) - rates[0] * (m * rates[2]) / (sqrt(v * rates[3]) + ${epsilon});
}`,
  workgroups: ({ count4 }) => [Math.ceil(count4 / 64), 1, 1],
  reference: (s, { rates, gradient, first, second, values }) => {
    for (let i = 0; i < s.count4 * 4; i++) {
      first[i] = adamBeta1 * first[i]! + (1 - adamBeta1) * gradient[i]!
      second[i] = adamBeta2 * second[i]! + (1 - adamBeta2) * gradient[i]! ** 2
      const decayed = i < s.decayed4 * 4 ? values[i]! * (1 - rates[0]! * rates[4]!) : values[i]!
      values[i] = decayed - (rates[0]! * first[i]! * rates[2]!) / (Math.sqrt(second[i]! * rates[3]!) + epsilon)
    }
  },
  cost: ({ count4 }) => ({ flops: count4 * 60, bytes: count4 * 112 }),
  tolerance: () => ({ absolute: 1e-6, relative: 1e-5 }),
  cases: [
    { count4: 1, decayed4: 1 },
    { count4: 67, decayed4: 50 },
    { count4: 5000, decayed4: 0 },
  ],
  example: ({ count4 }, random) => ({
    rates: Float32Array.of(1e-3, 0, 1 / (1 - adamBeta1 ** 3), 1 / (1 - adamBeta2 ** 3), 0.01),
    gradient: uniform(count4 * 4, random),
    first: uniform(count4 * 4, random),
    second: uniform(count4 * 4, random).map((x) => Math.abs(x) + 1e-3),
    values: uniform(count4 * 4, random),
  }),
}
