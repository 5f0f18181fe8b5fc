/**
 * AdamW (Loshchilov & Hutter 2019) over one flat run of `count4` vec4 parameters. The first `decayed4` of them decay.
 *   g = scale · gradient,  m = β1 m + (1 − β1) g,  v = β2 v + (1 − β2) g²
 *   w = w (1 − rate · decay) − rate · (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + ε)
 * `rates` is laid out as {@link rateSlots} says. Scale and skip are written on the device by numeric.global-norm: where
 * skip is not 0, a bad step leaves parameters and moments as they are, and nothing is read back.
 */
import type { Kernel } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { type TileTuning, tileGroups, tileLoop, tileTunings } from '../numeric/tile-loop.ts'
import { reads, writes } from '../wgsl/bindings.ts'

export type AdamwShape = { count4: number; decayed4: number }

export const adamBeta1 = 0.9
export const adamBeta2 = 0.999
const epsilon = 1e-8

/** Where the scalars of a step lie in the optimizers' `rates` buffer of 8 floats. */
export const rateSlots = {
  /** Learning rate of dense parameters. */
  dense: 0,
  /** Learning rate of tables. */
  tables: 1,
  /** 1 / (1 − β1^t) */
  firstCorrection: 2,
  /** 1 / (1 − β2^t) */
  secondCorrection: 3,
  weightDecay: 4,
  /** Factor of every gradient; 1 without clipping. */
  gradientScale: 5,
  /** 0, or the step changes nothing. */
  skip: 6,
  /** Global norm of the gradient before clipping; for reports. */
  gradientNorm: 7,
} as const

export const adamw: Kernel<AdamwShape, 'rates' | 'gradient' | 'first' | 'second' | 'values', TileTuning> = {
  name: 'adamw',
  bindings: {
    ...reads('f32', 'rates'),
    ...reads('vec4f', 'gradient'),
    ...writes('vec4f', 'first', 'second', 'values'),
  },
  uniforms: { count4: 'size', decayed4: 'u32' },
  tunings: tileTunings,
  // The skip is tested by its bits: compilers may assume that there is no NaN.
  wgsl: (tuning) =>
    tileLoop(
      tuning,
      /* wgsl */ `
  if (bitcast<u32>(rates[${rateSlots.skip}]) != 0u) { return; }
  let rate = rates[${rateSlots.dense}];
  let stepRate = rate * rates[${rateSlots.firstCorrection}];
  let correction = rates[${rateSlots.secondCorrection}];
  let kept = 1.0 - rate * rates[${rateSlots.weightDecay}];
  let scale = rates[${rateSlots.gradientScale}];`,
      /* wgsl */ `
    let g = scale * gradient[i];
    let m = ${adamBeta1} * first[i] + ${1 - adamBeta1} * g;
    let v = ${adamBeta2} * second[i] + ${1 - adamBeta2} * g * g;
    first[i] = m;
    second[i] = v;
    values[i] = values[i] * select(1.0, kept, i < u.decayed4) - stepRate * m / (sqrt(v * correction) + ${epsilon});
  `,
    ),
  workgroups: tileGroups,
  sizes: ({ count4 }) => ({ rates: 8, gradient: count4, first: count4, second: count4, values: count4 }),
  reference: (s, { rates, gradient, first, second, values }) => {
    if (!Object.is(rates[6], 0)) return
    for (let i = 0; i < s.count4 * 4; i++) {
      const g = gradient[i]! * rates[5]!
      first[i] = adamBeta1 * first[i]! + (1 - adamBeta1) * g
      second[i] = adamBeta2 * second[i]! + (1 - adamBeta2) * g ** 2
      const decayed = i < s.decayed4 * 4 ? values[i]! * (1 - rates[0]! * rates[4]!) : values[i]!
      values[i] = decayed - (rates[0]! * first[i]! * rates[2]!) / (Math.sqrt(second[i]! * rates[3]!) + epsilon)
    }
  },
  cost: ({ count4 }) => ({ flops: count4 * 68, bytes: count4 * 112 }),
  tolerance: () => ({ absolute: 1e-6, relative: 1e-5 }),
  cases: [
    { count4: 1, decayed4: 1 },
    { count4: 67, decayed4: 50 },
    { count4: 512, decayed4: 511 },
    { count4: 5003, decayed4: 0 },
  ],
  draw: (between) => {
    const count4 = between(1, 1200)
    return { count4, decayed4: between(0, count4) }
  },
  benchmarks: [
    { count4: 262_144, decayed4: 250_000 },
    { count4: 1_048_576, decayed4: 1_000_000 },
  ],
  example: ({ count4 }, random) => ({
    rates: Float32Array.of(1e-3, 0, 1 / (1 - adamBeta1 ** 3), 1 / (1 - adamBeta2 ** 3), 0.01, 0.7, 0, 0),
    second: uniform(count4 * 4, random).map((x) => Math.abs(x) + 1e-3),
  }),
}
