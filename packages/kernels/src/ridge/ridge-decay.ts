/**
 * Weights of events that fade from event to event, and their backward: event l of a row of n weighs e^(−rate (n − 1 − l)) for a head,
 * with rate = exp(decays[head]), or 0 where one of its channels, a flag, is over ½. Behind a length the weight is 0.
 * They are the first vec4 of signals as `ridge.solve` reads them; the second one is not touched. The backward gives each row's share
 * of the gradient of decays, from that of signals.
 * Shape letters: R rows, L events, H heads (at most 4), C channels, of which number F is the flag; there is none where F = C.
 */
import type { Kernel, ReferenceArrays } from '@headwater/gpu'
import { exampleLengths } from '../attention/example-lengths.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { exponentialWgsl } from '../wgsl/exponential.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'

const uniforms = { ...all('size', 'R', 'L', 'H', 'C'), F: 'u32' } as const

export type RidgeDecayShape = ShapeOf<typeof uniforms>

const lanes = 64

const bindings = { ...reads('vec4f', 'decays'), ...reads('f32', 'channels'), ...reads('u32', 'lengths') } as const
const inputSizes = ({ R, L, C }: RidgeDecayShape) => ({ decays: 1, channels: R * L * C, lengths: R })

const ratesWgsl = /* wgsl */ `
${exponentialWgsl}
fn exponentials(x: vec4f) -> vec4f { return vec4f(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w)); }
fn has() -> vec4<bool> { return vec4u(0u, 1u, 2u, 3u) < vec4u(u.H); }
`

const draw = (between: (low: number, high: number) => number): RidgeDecayShape => {
  const C = between(1, 6)
  return { R: between(1, 30), L: between(1, 40), H: between(1, 4), C, F: between(0, C) }
}

const cases: readonly RidgeDecayShape[] = [
  { R: 1, L: 1, H: 1, C: 1, F: 0 },
  { R: 7, L: 13, H: 2, C: 3, F: 2 },
  { R: 70, L: 5, H: 4, C: 5, F: 5 },
]

const benchmarks: readonly RidgeDecayShape[] = [{ R: 512, L: 96, H: 2, C: 3, F: 2 }]

const example = ({ R, L, C, F }: RidgeDecayShape, random: () => number) => ({
  lengths: exampleLengths(R, L, random),
  channels: Float32Array.from({ length: R * L * C }, (_, i) => (i % C === F ? Math.floor(2 * random()) : random())),
})

/** How many later events each has, and what its head's weights are of. */
function* weightsOf(s: RidgeDecayShape, { decays, channels, lengths }: ReferenceArrays<keyof typeof bindings>) {
  for (let r = 0; r < s.R; r++)
    for (let l = 0; l < lengths[r]!; l++)
      for (let h = 0; h < s.H; h++) {
        const [later, rate] = [lengths[r]! - 1 - l, Math.exp(decays[h]!)]
        const counts = s.F === s.C || !(channels[(r * s.L + l) * s.C + s.F]! > 0.5)
        const weight = counts ? Math.exp(-rate * later) : 0
        yield { r, h, later, rate, weight, at: (r * s.L + l) * 8 + h }
      }
}

export const ridgeDecay: Kernel<RidgeDecayShape, keyof typeof bindings | 'signals'> = {
  name: 'ridge.decay',
  bindings: { ...bindings, ...writes('vec4f', 'signals') },
  uniforms,
  tunings: [{ name: 'lane-per-event' }],
  wgsl: () => /* wgsl */ `
${ratesWgsl}
${mainWgsl(lanes)}
  let event = group * ${lanes}u + lane;
  if (event >= u.R * u.L) { return; }
  let length = lengths[event / u.L];
  let place = event % u.L;
  let later = f32(max(length, place + 1u) - 1u - place);
  let flag = select(0.0, channels[event * u.C + min(u.F, u.C - 1u)], u.F < u.C);
  let weights = select(exponentials(-later * exponentials(decays[0])), vec4f(), flag > 0.5);
  signals[event * 2u] = select(vec4f(), weights, has() & vec4<bool>(place < length));
}`,
  workgroups: ({ R, L }) => linearGroups(Math.ceil((R * L) / lanes)),
  sizes: (s) => ({ ...inputSizes(s), signals: s.R * s.L * 2 }),
  reference: (s, arrays) => {
    for (let i = 0; i < arrays.signals.length; i++) if (i % 8 < 4) arrays.signals[i] = 0
    for (const { at, weight } of weightsOf(s, arrays)) arrays.signals[at] = weight
  },
  cost: ({ R, L, H }) => ({ flops: R * L * H * 4, bytes: R * L * 20 }),
  tolerance: () => ({ absolute: 1e-6, relative: 1e-5 }),
  cases,
  draw,
  benchmarks,
  example,
}

export const ridgeDecayBackward: Kernel<RidgeDecayShape, keyof typeof bindings | 'signals' | 'dsignals' | 'ddecays'> = {
  name: 'ridge.decay-backward',
  bindings: { ...bindings, ...reads('vec4f', 'signals', 'dsignals'), ...writes('vec4f', 'ddecays') },
  uniforms,
  tunings: [{ name: 'lane-per-row' }],
  wgsl: () => /* wgsl */ `
${ratesWgsl}
${mainWgsl(lanes)}
  let row = group * ${lanes}u + lane;
  if (row >= u.R) { return; }
  let length = min(lengths[row], u.L);
  var sum = vec4f();
  for (var l = 0u; l < length; l++) {
    let event = (row * u.L + l) * 2u;
    sum -= f32(length - 1u - l) * signals[event] * dsignals[event];
  }
  ddecays[row] = select(vec4f(), sum * exponentials(decays[0]), has());
}`,
  workgroups: ({ R }) => linearGroups(Math.ceil(R / lanes)),
  sizes: (s) => ({ ...inputSizes(s), signals: s.R * s.L * 2, dsignals: s.R * s.L * 2, ddecays: s.R }),
  reference: (s, arrays) => {
    arrays.ddecays.fill(0)
    for (const { r, h, later, rate, at } of weightsOf(s, arrays))
      arrays.ddecays[r * 4 + h]! -= later * rate * arrays.signals[at]! * arrays.dsignals[at]!
  },
  cost: ({ R, L, H }) => ({ flops: R * L * H * 3, bytes: R * L * 32 }),
  tolerance: ({ L }) => ({ absolute: 1e-6 * L, relative: 2e-5 }),
  cases,
  draw,
  benchmarks,
  example: (s, random) => {
    const given = example(s, random)
    const decays = Float32Array.from({ length: 4 }, () => -2 * random())
    const signals = new Float64Array(s.R * s.L * 8)
    const wide = { decays: Float64Array.from(decays), channels: Float64Array.from(given.channels) }
    ridgeDecay.reference(s, { ...wide, lengths: given.lengths, signals })
    return { ...given, decays, signals: Float32Array.from(signals) }
  },
  gradient: {
    forward: ridgeDecay,
    // Weights alone have a gradient here: residuals stand beside them.
    from: { signals: (_, { dsignals }) => Float64Array.from(dsignals, (value, i) => (i % 8 < 4 ? value : 0)) },
    to: {
      decays: (_, { ddecays }) => {
        const decays = new Float64Array(4)
        for (const [i, value] of ddecays.entries()) decays[i % 4]! += value
        return decays
      },
    },
  },
  // ∞ times the rate of a head is summed up here before the rate is looked at.
  finite: ['decays'],
}
